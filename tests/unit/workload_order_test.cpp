#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "tests/unit/workload_support.h"

using namespace tokenfab;
using namespace tokenfab::testing;
using Catch::Matchers::Contains;
namespace io = boost::iostreams;

namespace {

template <class Compressor>
std::string compress(const std::string& text) {
  std::ostringstream out;
  io::filtering_ostream chain;
  chain.push(Compressor());
  chain.push(out);
  chain << text;
  chain.reset();
  return out.str();
}

/// `n` rows one millisecond apart, input = row number + 1; row `early` (from 0) carries time 0.
std::string rows(int n, int early = -1) {
  std::string text = "arrival,input,output\n";
  for (int i = 0; i < n; ++i) text += std::to_string(i == early ? 0 : i * 0.001) + "," + std::to_string(i + 1) + ",1\n";
  return text;
}

/// A stream that cannot go back.
class Pipe : public std::stringbuf {
 public:
  explicit Pipe(const std::string& text) : std::stringbuf(text, std::ios::in) {}

 protected:
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return pos_type(off_type(-1));
  }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(off_type(-1)); }
};

RequestBatch read_pipe(const std::string& text, const TraceOptions& options = {}) {
  Pipe pipe(text);
  std::istream in(&pipe);
  return drain(*open_trace(in, options));
}

constexpr int kMany = 300'000;  // more than are held in memory

}  // namespace

TEST_CASE("gzip and zstd are found by their first bytes; damage is an error, never a shorter trace") {
  const std::string text = rows(5000);
  const std::string gz = compress<io::gzip_compressor>(text), zst = compress<io::zstd_compressor>(text);
  const std::string more = "9,1,1\n10,1,1\n";
  const std::string tails[] = {compress<io::gzip_compressor>(more), compress<io::zstd_compressor>(more)};
  int i = 0;
  for (const auto& bytes : {gz, zst}) {
    const auto t = read_text(bytes);
    CHECK(t.report.compression == (i == 0 ? "gzip" : "zstd"));
    CHECK(t.batch.requests.size() == 5000);
    CHECK(t.batch.requests.back().input_tokens == 5000);
    CHECK(read_text(bytes + tails[i]).batch.requests.size() == 5002);  // members and frames after the first
    for (std::size_t keep : {bytes.size() - 1, bytes.size() - 5, bytes.size() / 2, std::size_t{12}})
      CHECK_THROWS_AS(read_text(bytes.substr(0, keep)), UserError);
    ++i;
  }
  std::string damaged = gz;  // its checksum sees any change; zstd files carry one only where asked for
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  CHECK_THROWS_AS(read_text(damaged), UserError);
}

TEST_CASE("An unsorted trace is sorted, ties in file order, and said to be") {
  const auto t = read_text("arrival,input,output\n5,1,1\n3,2,1\n5,3,1\n4,4,1\n3,5,1\n");
  CHECK(t.report.sorted_here);
  std::vector<int> inputs;
  for (const auto& r : t.batch.requests) inputs.push_back(r.input_tokens);
  CHECK(inputs == std::vector<int>{2, 5, 4, 1, 3});
  CHECK(t.batch.requests[0].arrival == 0);
  CHECK(t.batch.requests[4].arrival == 2'000'000'000);
  CHECK(t.batch.requests[4].id == 4);
  CHECK_FALSE(read_text(rows(10)).report.sorted_here);
}

TEST_CASE("An unsorted trace beyond the sort limit is refused with its line and what to do") {
  TraceOptions o;
  o.sort_limit = 100;
  CHECK(read_text(rows(100, 50), o).batch.requests.size() == 100);
  CHECK_THROWS_WITH(read_text(rows(101, 50), o), Contains("trace:52") && Contains("sort -t"));
  CHECK_THROWS_WITH(read_text(rows(kMany, kMany - 1), o), Contains("trace:300001") && Contains("sort -t"));
}

TEST_CASE("A trace larger than what is held is streamed in full, sorted or not") {
  const auto sorted = read_text(rows(kMany));
  REQUIRE(sorted.batch.requests.size() == kMany);
  CHECK(sorted.report.requests == kMany);
  CHECK(sorted.report.lines == kMany + 1);
  for (int i = 0; i < kMany; i += 9973) CHECK(sorted.batch.requests[static_cast<std::size_t>(i)].input_tokens == i + 1);
  const auto unsorted = read_text(rows(kMany, kMany - 1));
  REQUIRE(unsorted.batch.requests.size() == kMany);
  CHECK(unsorted.report.sorted_here);
  CHECK(unsorted.batch.requests[1].input_tokens == kMany);
}

TEST_CASE("A pipe is streamed; rows out of order are sorted while held and refused later") {
  CHECK(read_pipe(rows(kMany)).requests.size() == kMany);
  CHECK(read_pipe(rows(1000, 900)).requests.at(1).input_tokens == 901);
  CHECK_THROWS_WITH(read_pipe(rows(kMany, kMany - 1)), Contains(":300001") && Contains("pipe"));
}

TEST_CASE("A malformed line late in a large file is refused before any request comes out") {
  std::istringstream in(rows(kMany) + "400,0,1\n");
  TraceOptions o;
  o.path = "big.csv";
  CHECK_THROWS_WITH(open_trace(in, o), Contains("big.csv:300002"));
}

TEST_CASE("A trace is read from a file by its path") {
  const auto path = std::filesystem::temp_directory_path() / "tokenfab_workload_order_test.csv";
  std::ofstream(path) << rows(3);
  TraceOptions o;
  o.path = path.string();
  CHECK(drain(*open_trace(o)).requests.size() == 3);
  std::filesystem::remove(path);
}
