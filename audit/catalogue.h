#pragma once
#include <string>

#include "sim/economics/economics.h"

namespace tokenfab::audit {

/// A figure of the catalogues in SI units, by its path:
///   chips/<id>/memory | bandwidth | link | network | tdp | peak/<dtype>
///   llms/<id>/parameters | active_parameters | expert_parameters | experts | top_k | context | layers
///   llms/<id>/weight_bytes/<dtype>          all weights in this type, scales included
///   llms/<id>/kv_bytes_per_token/<dtype>
///   llms/<id>/quality/<dtype>               published score of the quantized model over the reference's, 0 .. 1
///   llms/<id>/image_cost                    FLOP of an image, encoder included, over those of a text token
///   rents/<chip>/<kind>[/<provider>]        USD per chip-hour; the default row without a provider
///   owners/<chip>/capex | power             USD per chip, server share included; kW provisioned
///   owners/any/life | interest | residual | hosting | electricity
///   prices/<llm>/<provider>/input | output  USD per million tokens
/// `where` (file and pointer) leads the message of an error. Errors: UserError, with what is known.
Price catalogue_figure(const std::string& path, const std::string& where);

}  // namespace tokenfab::audit
