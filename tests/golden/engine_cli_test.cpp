// tokenfab engine from outside.
#include "tests/golden/shell.h"

using namespace tokenfab::golden;

TEST_CASE("engine run prints token ids, the same for the same seed and for every sample of a greedy prompt") {
  const Shell tokenfab;
  const Result once = tokenfab("engine run --tokens 1,2,3 --output-tokens 5");
  CHECK(once.code == 0);
  CHECK(std::count(once.out.begin(), once.out.end(), ',') == 4);
  CHECK(tokenfab("engine run --tokens 1,2,3 --output-tokens 5").out == once.out);
  CHECK(tokenfab("engine run --tokens 1,2,3 --output-tokens 5 --seed 2").out != once.out);
  const json samples = tokenfab.parsed("engine run --random 40 --output-tokens 4 --samples 3 --json");
  CHECK(samples["outputs"].size() == 3);
  CHECK(samples["outputs"][0] == samples["outputs"][2]);
  CHECK(samples["reused_tokens"] == 64);  // two whole pages of 16, twice
}

TEST_CASE("engine replay serves a workload with every technique on, and equals each request alone") {
  const Shell tokenfab;
  const json out = tokenfab.parsed(
      "engine replay azure-conv-2023 --requests 200 --max-input 60 --max-output 20 --model tiny-moe --weights int4 "
      "--kv fp8 --prefix-cache --shared-prefix 24 --draft layers --rate-scale 1000 --verify --json -o r.db --log "
      "steps.jsonl "
      "--outputs tokens.jsonl");
  CHECK(out["requests"]["served"] == 200);
  CHECK(out["engine"]["against_alone"]["outputs"] == 200);
  CHECK(out["engine"]["against_alone"]["differing"] == 0);
  CHECK(out["engine"]["reused_tokens"] > 1000);
  CHECK(out["engine"]["acceptance"]["tokens_per_step"] > 1.0);
  CHECK(out["provenance"]["grade"] == "measured by our engine");
  std::ifstream log(tokenfab.folder / "steps.jsonl");
  long long prefilled = 0, steps = 0;
  for (std::string line; std::getline(log, line); ++steps)
    prefilled += json::parse(line)["prefill_tokens"].get<long long>();
  CHECK(steps == out["engine"]["steps"]);
  CHECK(prefilled == out["tokens"]["input"].get<long long>() - out["engine"]["reused_tokens"].get<long long>());
  const std::string tokens = read_file(tokenfab.folder / "tokens.jsonl");
  CHECK(std::count(tokens.begin(), tokens.end(), '\n') == 200);
  CHECK(tokenfab("report r.db -o r.html").code == 0);
  CHECK_THAT(read_file(tokenfab.folder / "r.html"), Catch::Contains("engine-replay"));
}

TEST_CASE("engine measure continues a file, and refuses one of another set-up") {
  const Shell tokenfab;
  const std::string measure =
      "engine measure --model tiny --most-batch 2 --most-context 32 --most-prefill 16 -o m.jsonl";
  const json first = tokenfab.parsed(measure + " --seconds 600 --json");
  CHECK(first["measured"] > 10);
  CHECK(first["left"] == 0);
  const json second = tokenfab.parsed(measure + " --json");
  CHECK(second["measured"] == 0);
  CHECK(second["known"] == first["measured"]);
  std::ofstream(tokenfab.folder / "m.jsonl", std::ios::app) << "{\"key\": \"cut o";
  CHECK(tokenfab.parsed(measure + " --json")["known"] == first["measured"]);
  const Result other = tokenfab(measure + " --weights int8");
  CHECK(other.code == 2);
  CHECK_THAT(one_line(other), Catch::Contains("another weights"));
}

TEST_CASE("engine bench counts each case's bytes and FLOP without running it") {
  const Shell tokenfab;
  const json rows = tokenfab.parsed("engine bench --dry-run --backend cuda --json --gbps 4800 --tflops 989");
  REQUIRE(rows.size() > 100);
  CHECK(rows[0]["name"] == "matmul bf16 m1 n6144 k4096");
  CHECK(rows[0]["bytes"] == 6144 * 4096 * 2 + (6144 + 4096) * 2);
  CHECK(rows[0]["floor_us"].get<double>() == Approx(rows[0]["bytes"].get<double>() / 4800e3));
}

TEST_CASE("engine quantize reports errors of weights and logits") {
  const Shell tokenfab;
  const json q = tokenfab.parsed("engine quantize --type int8 --json");
  CHECK(q["weight_error"] > 0.001);
  CHECK(q["weight_error"] < 0.01);
  CHECK(q["top1_agreement"] > 0.9);
  CHECK(q["positions"] == 512);
}

TEST_CASE("bad engine input is one line and exit 2") {
  const Shell tokenfab;
  const auto fails = [&](const std::string& arguments, const std::vector<std::string>& parts) {
    const Result r = tokenfab("engine " + arguments);
    CAPTURE(arguments);
    CHECK(r.code == 2);
    const std::string line = one_line(r);
    for (const auto& part : parts) CHECK_THAT(line, Catch::Contains(part));
  };
  fails("run --model lama-3-8b", {"lama-3-8b", "nearest: \"llama-3-8b\""});
  fails("run --tokens 1,2,9999", {"token 3", "9999", "511"});
  fails("run --weights int5", {"int5", "nearest: \"int"});
  fails("run --kv fp4", {"fp4", "fp8"});
  fails("run --draft ngrm", {"ngrm", "nearest: \"ngram\""});
  fails("run --draft ngram --draft-branches 2", {"tree"});
  fails("run --draft layers --draft-layers 4", {"1 to 3"});
  fails("run --policy static", {"static"});
  fails("run --backend gpu", {"gpu", "cpu, cuda"});
  fails("run --tokens-file none.txt", {"none.txt"});
  fails("replay none.csv", {"none.csv"});
  fails("quantize --type int8 --method gptq", {"gptq", "int4"});
  fails("bench --size h100", {"h100", "h200"});
  fails("run --random 300 --kv-blocks 3", {"--kv-blocks"});
}

TEST_CASE("a model larger than the memory is refused with the arithmetic and exit 3") {
  const Shell tokenfab;
  const Result r = tokenfab("engine run --model tiny --kv-blocks 100000000");
  CHECK(r.code == 3);
  const std::string line = one_line(r);
  for (const char* part : {"tiny needs", "KV pages", "1638.4 GB", "available"}) CHECK_THAT(line, Catch::Contains(part));
}
