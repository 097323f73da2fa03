#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/economics/economics.h"

namespace tokenfab {

/// The rows of money/*.json as they stand in the files. A Price with an empty source is one that no row gives.
struct MoneyFiles {
  struct RentRow {
    std::string chip;
    Rent rent;
    bool is_default = false;  // one row per chip and kind is
  };
  struct TokenRow {
    std::string llm, provider;
    TokenTariff tariff;
    const std::string& as_of() const { return tariff.rates.front().prices.input.as_of; }  // the three are unique
  };
  struct CapacityRow {
    std::string provider, item, term;  // the three are unique
    Price price;
  };
  struct SiteRow {
    std::string name;
    Price pue, grid_carbon, electricity, market_carbon;
    bool is_default = false;  // one row is
  };
  struct OwnedChip {
    Price price, provisioned_power;
  };

  std::vector<RentRow> rents;
  std::vector<TokenRow> tokens;
  std::vector<CapacityRow> capacity;
  std::vector<SiteRow> sites;
  Price embodied_life, embodied_default;
  std::map<std::string, Price> embodied, embodied_chip_alone;  // by chip; with its share of a server, and without
  Price life, residual, interest, hosting;
  Price server_share, network_share;   // of the chip's price, on top of it
  Price staff, software;               // USD per chip-year
  std::map<std::string, Price> lives;  // over which companies write servers off
  std::map<std::string, OwnedChip> owned;
};

/// Reads rents.json, tokens.json, capacity.json, sites.json and ownership.json in `folder`. Errors: UserError with file
/// and JSON pointer for a missing or implausible number, another unit, an empty source or date, an unknown key, a
/// doubled row, or a group without its one default.
MoneyFiles read_money_files(const std::string& folder);

}  // namespace tokenfab
