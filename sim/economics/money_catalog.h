#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/economics/economics.h"

namespace tokenfab {

struct MoneyFiles;

struct PriceRow {  // for listings
  std::string item, kind, provider;
  Price price;
  bool is_default = false;
};

/// chip x (1 + server share + network share), with a source that says so; no source where the chip's price has none.
Price built_up_capex(const Price& chip, const Price& server_share, const Price& network_share);

/// Prices with their sources, from money/*.json. Errors: UserError, one line, with what is known and the nearest name.
class MoneyCatalog {
 public:
  /// `root` holds money/; standard(): $TOKENFAB_HOME/hwmodels, else the source tree this binary was built from.
  explicit MoneyCatalog(const std::string& root);
  static MoneyCatalog standard();

  /// The default row of this chip and kind, or the row of a provider.
  Rent rent(const std::string& chip, const std::string& kind, const std::string& provider = "") const;
  /// The kinds that this chip is offered in, in the files' order; empty for a chip without rents.
  std::vector<std::string> rent_kinds(const std::string& chip) const;
  /// A provider's list price; cached input costs as much as other input where the provider names no price.
  TokenPlan plan(const std::string& llm, const std::string& provider) const;
  /// The provider's whole list for this model: the latest, or that of a date.
  TokenTariff tariff(const std::string& llm, const std::string& provider, const std::string& as_of = "") const;
  /// Of making the chip without its share of a server; no source where it is not known.
  Price embodied_chip_alone(const std::string& chip) const;
  /// Prices of a provider's capacity by term of commitment, all in this unit (kPerUnitHour or kPerChipSecond).
  std::map<std::string, Price> capacity(const std::string& provider, const std::string& item,
                                        const std::string& unit) const;
  /// "" = the default site. Embodied carbon is the chip's, or the class default.
  Site site(const std::string& name, const std::string& chip) const;
  /// What is known for owning this chip at a site ("" = the default one); a figure that is not known has an empty
  /// source.
  Owned owned(const std::string& chip, const std::string& site = "") const;
  std::vector<PriceRow> rows() const;

 private:
  std::shared_ptr<const MoneyFiles> files_;
};

}  // namespace tokenfab
