#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace tokenfab {

struct Price {
  double value = 0;
  std::string unit, source, as_of;
};

inline constexpr const char* kPerMillionTokens = "USD per million tokens";
inline constexpr const char* kPerUnitHour = "USD per unit-hour";      // of provisioned throughput
inline constexpr const char* kPerChipSecond = "USD per chip-second";  // of a chip's time

/// Kinds of token that lists price apart. cached: read from the provider's cache; write, write_hour: put into it (for
/// minutes, for an hour); reasoning: part of the output.
enum class TokenKind : std::uint8_t { input, cached, output, write, write_hour, reasoning };
inline constexpr std::size_t kTokenKinds = 6;

/// Pay-per-token list prices, USD per million tokens. input applies to input tokens that are neither cached nor
/// written. Without a source: a written token is an input token, one written for an hour a written one, a reasoning
/// token an output token.
struct TokenPlan {
  Price input, cached_input, output, cache_write = {}, cache_write_hour = {}, reasoning = {};

  Price& at(TokenKind kind) {
    return *std::array{
        &input, &cached_input, &output, &cache_write, &cache_write_hour, &reasoning}[static_cast<std::size_t>(kind)];
  }
  const Price& at(TokenKind kind) const { return const_cast<TokenPlan*>(this)->at(kind); }
  /// The kind whose price a token of this kind is charged at.
  TokenKind charged_as(TokenKind kind) const {
    if (!at(kind).source.empty()) return kind;
    if (kind == TokenKind::write_hour) return charged_as(TokenKind::write);
    return kind == TokenKind::write ? TokenKind::input : kind == TokenKind::reasoning ? TokenKind::output : kind;
  }
};

}  // namespace tokenfab
