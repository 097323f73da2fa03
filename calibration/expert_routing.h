#pragma once
#include <string>

namespace tokenfab::calibration {

/// What the busiest of `chips` expert-parallel chips serves, in the mean.
struct RoutedLoad {
  double touched = 0;  // of its experts
  double rows = 0;     // a row is one token at one expert
};

/// How a benchmark spreads `tokens` tokens, each to top_k of `experts` experts. "balanced": evenly. "power_law_<a>":
/// loads in proportion to draws from a density x^-a between 1 and 0.8 tokens. "": each token at random. UserError for
/// others.
RoutedLoad busiest_chip(const std::string& routing, int experts, int top_k, double tokens, int chips);

}  // namespace tokenfab::calibration
