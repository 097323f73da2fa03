// Superposed clients, what requests carry besides lengths, and the workloads fitted to ServeGen's clients.
#include <map>

#include "sim/workload/builtin.h"
#include "sim/workload/generator.h"
#include "sim/workload/statistics.h"
#include "tests/catch.h"

using namespace tokenfab;
using Catch::Matchers::Contains;

namespace {

std::vector<Request> all(const GeneratorSpec& spec) {
  std::vector<Request> out;
  const auto source = make_generator(spec);
  RequestBatch batch;
  for (source->read(batch, 1000); !batch.requests.empty(); source->read(batch, 1000))
    out.insert(out.end(), batch.requests.begin(), batch.requests.end());
  return out;
}

GeneratorSpec plain(std::int64_t requests) {
  GeneratorSpec s;
  s.arrivals.rate = 10;
  s.input = UniformLength{10, 1000};
  s.output = UniformLength{1, 100};
  s.max_requests = requests;
  return s;
}

double share(std::int64_t part, std::size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

}  // namespace

TEST_CASE("The dispersion of superposed clients tends to the mean of their squared CVs, weighted by rate") {
  GeneratorSpec s;
  s.arrivals.rate = 20;
  s.clients = {{3, 1, GapLaw::gamma, 2, FixedLength{100}, FixedLength{10}},
               {1, 2, GapLaw::weibull, 1.5, FixedLength{500}, FixedLength{50}},
               {1, 1, GapLaw::exponential, 1, FixedLength{1000}, FixedLength{1}}};
  s.duration_s = 40'000;
  const WorkloadStats w = measure(*make_generator(s));
  CHECK(w.rate == Approx(20).epsilon(0.02));
  CHECK(w.dispersion_60s == Approx((3 * 4 + 2.25 + 1) / 5).epsilon(0.15));
  CHECK(w.dispersion_1s > 1);
  CHECK(w.dispersion_1s < w.dispersion_10s);
  CHECK(w.input.mean == Approx(mean_tokens(s).first).epsilon(0.01));
  CHECK(mean_tokens(s).first == Approx(360));
  CHECK(w.output.mean == Approx((30 + 50 + 1) / 5.).epsilon(0.02));
  std::map<int, std::int64_t> by_client;
  Ns last = 0;
  std::int64_t id = 0;
  for (const Request& r : all(s)) {
    CHECK_FALSE(r.arrival < last);
    CHECK(r.id == id++);
    last = r.arrival;
    ++by_client[r.input_tokens];
  }
  CHECK(share(by_client[100], static_cast<std::size_t>(id)) == Approx(0.6).margin(0.01));
  CHECK(share(by_client[500], static_cast<std::size_t>(id)) == Approx(0.2).margin(0.01));
}

TEST_CASE("A client's requests do not depend on the clients after it") {
  GeneratorSpec s;
  s.arrivals.rate = 2;
  s.duration_s = 500;
  s.clients = {{1, 1, GapLaw::gamma, 2, UniformLength{1, 99}, FixedLength{10}}};
  const auto alone = all(s);
  s.arrivals.rate = 4;
  s.clients.push_back({1, 1, GapLaw::gamma, 1, UniformLength{100, 200}, FixedLength{10}});
  std::vector<Request> among;
  for (const Request& r : all(s))
    if (r.input_tokens < 100) among.push_back(r);
  REQUIRE(among.size() == alone.size());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CHECK(among[i].arrival == alone[i].arrival);
    CHECK(among[i].input_tokens == alone[i].input_tokens);
  }
}

TEST_CASE("Images come on top of the prompt, in tokens of an encoder, and move nothing else") {
  GeneratorSpec s = plain(20'000);
  const auto text = all(s);
  s.marks.images = ImageSpec{0.3, UniformLength{1, 3}, UniformLength{200, 400}};
  const auto both = all(s);
  std::int64_t with_images = 0, tokens = 0;
  for (std::size_t i = 0; i < both.size(); ++i) {
    CHECK(both[i].arrival == text[i].arrival);
    CHECK(both[i].input_tokens == text[i].input_tokens + both[i].encoder_tokens);
    CHECK(both[i].output_tokens == text[i].output_tokens);
    with_images += both[i].encoder_tokens > 0;
    tokens += both[i].encoder_tokens;
  }
  CHECK(share(with_images, both.size()) == Approx(0.3).margin(0.01));
  CHECK(share(tokens, both.size()) == Approx(0.3 * 2 * 300).epsilon(0.03));
  CHECK(mean_tokens(s).first == Approx(505 + 180));
}

TEST_CASE("Classes bring priority and deadline, variants follow Zipf's law") {
  GeneratorSpec s = plain(50'000);
  s.marks.classes = {{"interactive", 3, 0, 0}, {"batch", 1, 5, 60}};
  s.marks.variants = VariantSpec{4, 1};
  std::int64_t batch = 0;
  std::map<int, std::int64_t> variants;
  const auto requests = all(s);
  for (const Request& r : requests) {
    batch += r.priority == 5;
    CHECK((r.priority == 5 ? r.deadline == r.arrival + 60'000'000'000 : r.deadline == 0));
    ++variants[r.variant];
  }
  CHECK(share(batch, requests.size()) == Approx(0.25).margin(0.01));
  REQUIRE(variants.size() == 4);
  for (int k = 0; k < 4; ++k) CHECK(share(variants[k], requests.size()) == Approx(12. / 25 / (k + 1)).margin(0.01));
}

TEST_CASE("What requests carry is checked") {
  const auto refused = [](const std::function<void(GeneratorSpec&)>& change, const std::string& why) {
    GeneratorSpec s = plain(10);
    change(s);
    CHECK_THROWS_WITH(make_generator(s), Contains(why));
  };
  refused([](auto& s) { s.marks.images = ImageSpec{1.5, {}, {}}; }, "images/share is 1.5");
  refused([](auto& s) { s.marks.classes = {{"x", 1, 256, 0}}; }, "class x: priority is 256");
  refused([](auto& s) { s.marks.classes = {{"x", 0, 1, 0}}; }, "add up to 0");
  refused([](auto& s) { s.marks.variants = VariantSpec{70'000, 1}; }, "variants/count is 70000");
  refused([](auto& s) { s.clients = {{-1, 1, GapLaw::gamma, 1, {}, {}}}; }, "client 0: share is -1");
  refused([](auto& s) { s.clients = {{1, 0, GapLaw::gamma, 1, {}, {}}}; }, "client 0: count is 0");
}

TEST_CASE("Workloads fitted to ServeGen have the published rates, peaks and mean lengths") {
  struct Published {
    const char* name;
    double rate, peak_to_mean, input, output, hours;
  };
  // ServeGen@f891d11: aggregate rate; lengths weighted by rate over the clients that publish them.
  for (const Published& p : {Published{"servegen-m-large", 195.84, 2.98, 914, 155, 336},
                             Published{"servegen-deepseek-r1", 16.015, 2.66, 1268, 1527, 24},
                             Published{"servegen-mm-image", 9.4747, 1.40, 572 + 869, 129.7, 24}}) {
    CAPTURE(p.name);
    const GeneratorSpec s = builtin_workload(p.name, 1, 0);
    CHECK(mean_rate(s.arrivals) == Approx(p.rate).epsilon(0.001));
    CHECK(mean_tokens(s).first == Approx(p.input).epsilon(0.03));
    CHECK(mean_tokens(s).second == Approx(p.output).epsilon(0.03));
    CHECK(s.duration_s == p.hours * 3600);
    const double peak = *std::max_element(s.arrivals.profile.begin(), s.arrivals.profile.end());
    CHECK(s.arrivals.profile.size() == static_cast<std::size_t>(p.hours));
    CHECK(peak <= p.peak_to_mean);  // of hours, against that of ten minutes
    CHECK(peak > 1.2);
  }
}

TEST_CASE("A generated day of ServeGen's reasoning service has its rate and lengths, and clients' bursts") {
  const GeneratorSpec s = builtin_workload("servegen-deepseek-r1", 1, 0);
  const WorkloadStats w = measure(*make_generator(s));
  CHECK(w.rate == Approx(16.015).epsilon(0.05));
  CHECK(w.input.mean == Approx(1268).epsilon(0.1));
  CHECK(w.output.mean == Approx(1527).epsilon(0.05));
  CHECK(w.dispersion_1s > 1.1);
  CHECK(w.dispersion_10s > w.dispersion_1s);
  CHECK(w.dispersion_60s > w.dispersion_10s);
}
