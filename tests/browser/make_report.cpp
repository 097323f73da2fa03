// Writes a report of made-up runs with hostile names to the path given.
#include <fstream>

#include "reports/report_html.h"
#include "tests/support/records.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string hostile = "</script><img src=x onerror=console.error('hit')> \"quoted\" & 'single' \xf0\x9f\xa6\x8a";
  using tokenfab::testing::sample_record;
  auto other = sample_record(hostile);
  other.alternative = "B";
  std::ofstream(argv[1]) << tokenfab::render_html({sample_record(hostile), sample_record(hostile, 1), other}, "test");
  return 0;
}
