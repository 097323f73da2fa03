#pragma once
#include <string_view>

// Files built into the binary (reports/embed.cmake), so that it needs nothing beside it.
namespace tokenfab::embedded {

std::string_view schema_sql();
std::string_view report_template();  // HTML with a @STYLE@, @SCRIPTS@ and @DATA@ mark
std::string_view report_style();
std::string_view report_script();
std::string_view report_charts();
std::string_view vega();
std::string_view vega_lite();
std::string_view vega_interpreter();

}  // namespace tokenfab::embedded
