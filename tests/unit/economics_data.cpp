// The shipped prices: complete, sourced, valid under their schema; damaged files are refused by schema and loader
// alike.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "tests/catch.h"
#include "tests/support/schema.h"
#include "tests/unit/economics_support.h"

using namespace tokenfab;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::string kRoot = TOKENFAB_SOURCE_DIR "/hwmodels";
const std::vector<std::string> kFiles = {"rents", "tokens", "sites", "ownership", "capacity"};

json shipped(const std::string& name) {
  std::ifstream in(kRoot + "/money/" + name + ".json");
  return json::parse(in);
}

bool schema_accepts(const json& text) { return testing::schema_accepts(kRoot + "/schema/money.schema.json", text); }

/// What the loader says about the shipped files with one of them replaced; "" where it accepts them.
std::string load_error(const std::string& name, const json& text) {
  const fs::path root = fs::temp_directory_path() / ("tokenfab_money_test_" + std::to_string(::getpid()));
  fs::remove_all(root);
  fs::create_directories(root);
  fs::copy(kRoot + "/money", root / "money");
  std::ofstream(root / "money" / (name + ".json")) << text.dump();
  const std::string error = test::user_error([&] { MoneyCatalog(root.string()); });
  fs::remove_all(root);
  return error;
}

/// Every {"value", …} object below, at any depth.
void each_number(const json& node, const std::function<void(const json&)>& visit) {
  if (node.is_object() && node.contains("value")) return visit(node);
  if (node.is_structured())
    for (const auto& child : node) each_number(child, visit);
}

// No public on-demand price was found: the program asks for one.
const std::set<std::string> kUnpriced = {"cerebras-wse3",
                                         "d-matrix-corsair",
                                         "gaudi2",
                                         "gaudi3",
                                         "groq-lpu-v1",
                                         "h20",
                                         "maia-100",
                                         "rtx-4090",
                                         "sambanova-sn40l",
                                         "tenstorrent-blackhole-p150",
                                         "tenstorrent-wormhole-n300",
                                         "tpu-v7",
                                         "trainium2"};

// Only long contracts and estimates of an owner's cost were found.
const std::set<std::string> kContractOnly = {"gb200", "mi325x", "mi355x"};

// No list price of a token was found.
const std::set<std::string> kUnlisted = {
    "bloom-176b",  "deepseek-v2", "deepseek-v2-lite", "gemma-2-27b",     "gemma-2-9b",    "gemma-3-1b",
    "gemma-3-27b", "gpt-3-175b",  "mistral-7b-v0.2",  "mistral-7b-v0.3", "opt-175b",      "phi-3-mini",
    "qwen2.5-72b", "qwen2.5-7b",  "qwen3-30b-a3b",    "qwen3-8b",        "tinyllama-1.1b"};

json& off_peak_row(json& tokens) {
  for (auto& row : tokens["token_prices"])
    if (row.contains("off_peak")) return row;
  throw InternalError("no row has off-peak prices");
}

struct Broken {
  const char* what;
  std::string file;
  std::function<void(json&)> damage;
};

}  // namespace

TEST_CASE("every shipped price validates and has a unit, a source and a date") {
  int count = 0;
  for (const auto& name : kFiles) {
    CAPTURE(name);
    const json text = shipped(name);
    CHECK(schema_accepts(text));
    each_number(text, [&](const json& n) {
      ++count;
      CAPTURE(n.dump());
      for (const char* key : {"unit", "source", "as_of"}) CHECK(!n.at(key).get<std::string>().empty());
    });
  }
  CHECK(count > 100);
  for (const auto& row : test::shipped_money().rows()) {
    CAPTURE(row.item, row.kind);
    CHECK(!row.price.source.empty());
    CHECK(!row.price.as_of.empty());
  }
}

TEST_CASE("each chip can be rented on demand, or its price is asked for; each model has a list price") {
  const MoneyCatalog money = test::shipped_money();
  for (const auto& file : fs::directory_iterator(kRoot + "/chips")) {
    const std::string chip = file.path().stem().string();
    CAPTURE(chip);
    if (kContractOnly.count(chip)) {
      CHECK_THROWS_WITH(money.rent(chip, "on-demand"), Catch::Contains("reserved-3y, tco-hyperscaler, tco-neocloud"));
    } else if (kUnpriced.count(chip)) {
      CHECK(test::user_error([&] { money.rent(chip, "on-demand"); }) ==
            "no rent of kind \"on-demand\" is known for " + chip + "; none is; or give /supply/rent/usd_per_chip_hour");
    } else {
      CHECK(money.rent(chip, "on-demand").usd_per_chip_hour.value > 0);
    }
    CHECK(money.site("", chip).embodied_kgco2e_per_chip.value > 0);
    for (const auto& kind : money.rent_kinds(chip)) CHECK_NOTHROW(money.rent(chip, kind));
  }
  std::set<std::string> priced;
  const json tokens = shipped("tokens");
  for (const auto& row : tokens["token_prices"]) priced.insert(row["llm"].get<std::string>());
  for (const auto& file : fs::directory_iterator(kRoot + "/llms")) {
    CAPTURE(file.path().stem().string());
    const std::string llm = file.path().stem().string();
    CHECK(priced.count(llm) == (kUnlisted.count(llm) ? 0 : 1));
  }
}

TEST_CASE("rows name chips of the catalogue") {
  const auto known = [](const std::string& folder, const std::string& id) {
    return fs::exists(fs::path(kRoot) / folder / (id + ".json"));
  };
  const json rents = shipped("rents");
  for (const auto& row : rents["rents"]) CHECK(known("chips", row["chip"]));
  const json sites = shipped("sites"), ownership = shipped("ownership");
  for (const auto& [chip, row] : sites["embodied"]["chips"].items()) CHECK(known("chips", chip));
  for (const auto& [chip, row] : ownership["ownership"]["chips"].items()) CHECK(known("chips", chip));
}

TEST_CASE("prices keep their order: spot and long contracts undercut the default on-demand price") {
  const MoneyCatalog money = test::shipped_money();
  for (const auto& file : fs::directory_iterator(kRoot + "/chips")) {
    const std::string chip = file.path().stem().string();
    if (kUnpriced.count(chip) || kContractOnly.count(chip)) continue;
    const double on_demand = money.rent(chip, "on-demand").usd_per_chip_hour.value;
    for (const auto& kind : money.rent_kinds(chip)) {
      CAPTURE(chip, kind);
      if (kind == "capacity-block") continue;  // of one provider: below
      CHECK(money.rent(chip, kind).usd_per_chip_hour.value <= on_demand);
    }
  }
}

TEST_CASE("capacity blocks undercut the same provider's on-demand price") {
  const MoneyCatalog money = test::shipped_money();
  for (const auto& [chip, provider] : std::map<std::string, std::string>{
           {"h100-sxm", "AWS p5.48xlarge"}, {"a100-40-sxm", "AWS p4d.24xlarge"}, {"trainium1", "AWS trn1.32xlarge"}}) {
    CAPTURE(chip);
    CHECK(money.rent(chip, "capacity-block", provider).usd_per_chip_hour.value <
          money.rent(chip, "on-demand", provider).usd_per_chip_hour.value);
  }
}

TEST_CASE("schema and loader refuse the same mistakes in price files") {
  const std::vector<Broken> list = {
      {"bare number", "rents", [](json& j) { j["rents"][0]["usd_per_chip_hour"] = 2; }},
      {"no source", "rents", [](json& j) { j["rents"][0]["usd_per_chip_hour"].erase("source"); }},
      {"empty source", "rents", [](json& j) { j["rents"][0]["usd_per_chip_hour"]["source"] = " "; }},
      {"no date", "tokens", [](json& j) { j["token_prices"][0]["input"].erase("as_of"); }},
      {"empty date", "tokens", [](json& j) { j["token_prices"][0]["input"]["as_of"] = ""; }},
      {"wrong unit", "rents", [](json& j) { j["rents"][0]["usd_per_chip_hour"]["unit"] = "EUR"; }},
      {"unknown kind", "rents", [](json& j) { j["rents"][0]["kind"] = "spott"; }},
      {"unknown key", "rents", [](json& j) { j["rents"][0]["region"] = "us"; }},
      {"unknown key at the top", "sites", [](json& j) { j["places"] = 1; }},
      {"no output price", "tokens", [](json& j) { j["token_prices"][0].erase("output"); }},
      {"off-peak time", "tokens", [](json& j) { off_peak_row(j)["off_peak"]["from"] = "16:40"; }},
      {"no off-peak output", "tokens", [](json& j) { off_peak_row(j)["off_peak"].erase("output"); }},
      {"negative price", "tokens", [](json& j) { j["token_prices"][0]["output"]["value"] = -1; }},
      {"no grid carbon", "sites", [](json& j) { j["sites"][0].erase("grid_carbon"); }},
      {"no embodied default", "sites", [](json& j) { j["embodied"].erase("default"); }},
      {"unknown term", "capacity", [](json& j) { j["capacity_prices"][0]["term"] = "2mo"; }},
      {"capacity per token", "capacity", [](json& j) { j["capacity_prices"][0]["price"]["unit"] = "USD"; }},
      {"no interest", "ownership", [](json& j) { j["ownership"].erase("interest"); }},
      {"no network share", "ownership", [](json& j) { j["ownership"].erase("network_share"); }},
      {"staff in another unit", "ownership", [](json& j) { j["ownership"]["staff"]["unit"] = "USD"; }},
      {"life of no length", "ownership", [](json& j) { j["ownership"]["accounting_lives"]["Meta"].erase("unit"); }},
      {"contract's carbon as a bare number", "sites", [](json& j) { j["sites"][0]["market_carbon"] = 9; }},
      {"unknown key of a chip", "ownership", [](json& j) { j["ownership"]["chips"]["h100-sxm"]["tdp"] = 700; }},
  };
  for (const Broken& b : list) {
    CAPTURE(b.what, b.file);
    json text = shipped(b.file);
    b.damage(text);
    CHECK_FALSE(schema_accepts(text));
    CHECK(load_error(b.file, text).find(b.file + ".json: /") != std::string::npos);
  }
  CHECK(load_error("rents", shipped("rents")).empty());
}

TEST_CASE("doubled rows and missing or doubled defaults are refused") {
  const auto rents = [](const std::function<void(json&)>& damage) {
    json text = shipped("rents");
    damage(text["rents"]);
    return load_error("rents", text);
  };
  CHECK(rents([](json& rows) { rows.push_back(rows[0]); }).find("has this row already") != std::string::npos);
  CHECK(rents([](json& rows) { rows[0].erase("default"); }).find("\"default\": true") != std::string::npos);
  CHECK(rents([](json& rows) { rows[1]["default"] = true; }).find("is set twice") != std::string::npos);
  json sites = shipped("sites");
  sites["sites"][1]["default"] = true;
  CHECK(load_error("sites", sites).find("2 rows have \"default\"") != std::string::npos);
}
