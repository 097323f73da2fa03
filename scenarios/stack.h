#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tokenfab {

/// Replaces "stack", a list of {"name", "set"}, by alternatives: the pools at the top as they are ("base"), with each
/// entry's changes alone ("alone: NAME"), and with all changes up to and including each entry's ("stack: NAME"). An
/// entry that "needs" earlier ones is tried on top of these ("before: NAME").
/// Does nothing where there is none. Errors: UserError.
void expand_stack(nlohmann::json& scenario, const std::string& file);

}  // namespace tokenfab
