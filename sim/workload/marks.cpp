#include "sim/workload/marks.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"

namespace tokenfab {
namespace {

constexpr std::int64_t kMostImages = 10'000;  // of one request
constexpr std::int64_t kMostVariants = 65'536;

[[noreturn]] void refuse(const std::string& field, const std::string& value, const std::string& allowed) {
  throw UserError("workload: " + field + " is " + value + "; it must " + allowed);
}

void check(const MarkSpec& s) {
  if (s.images && !(s.images->share >= 0 && s.images->share <= 1))
    refuse("images/share", shortest(s.images->share), "be in 0..1");
  double shares = 0;
  for (const ClassSpec& c : s.classes) {
    if (!(c.share >= 0 && c.share <= 1e12)) refuse("class " + c.name + ": share", shortest(c.share), "not be negative");
    if (c.priority < 0 || c.priority > 255)
      refuse("class " + c.name + ": priority", std::to_string(c.priority), "be in 0..255");
    if (!(c.deadline_s >= 0 && c.deadline_s <= 1e9))
      refuse("class " + c.name + ": deadline_s", shortest(c.deadline_s), "be in 0..1e9");
    shares += c.share;
  }
  if (!s.classes.empty() && shares <= 0) throw UserError("workload: the classes' shares add up to 0");
  if (s.variants && (s.variants->count < 1 || s.variants->count > kMostVariants))
    refuse("variants/count", std::to_string(s.variants->count), "be in 1..65536");
}

class Marked final : public RequestSource {
 public:
  Marked(std::unique_ptr<RequestSource> inner, const MarkSpec& s, std::uint64_t seed, std::uint32_t replication)
      : inner_(std::move(inner)),
        spec_(s),
        images_random_(seed, replication, StreamPurpose::images),
        classes_random_(seed, replication, StreamPurpose::classes),
        variants_random_(seed, replication, StreamPurpose::variants) {
    if (s.images) {
      per_request_ = make_lengths(s.images->per_request, "images/per_request");
      tokens_each_ = make_lengths(s.images->tokens_each, "images/tokens_each");
    }
    if (s.variants) variants_ = make_lengths(ZipfLength{1, s.variants->count, s.variants->zipf}, "variants");
    for (const ClassSpec& c : s.classes) shares_.push_back((shares_.empty() ? 0 : shares_.back()) + c.share);
  }

  void read(RequestBatch& batch, std::size_t limit) override {
    inner_->read(batch, limit);
    for (Request& r : batch.requests) {
      if (spec_.images) add_images(r);
      if (!spec_.classes.empty()) classify(r);
      if (variants_) r.variant = static_cast<std::uint16_t>(variants_->quantile(variants_random_.uniform()) - 1);
    }
  }

 private:
  void add_images(Request& r) {
    if (images_random_.uniform() >= spec_.images->share) return;
    const auto count = std::min<std::int64_t>(per_request_->quantile(images_random_.uniform()), kMostImages);
    std::int64_t tokens = 0;
    for (std::int64_t i = 0; i < count; ++i) tokens += tokens_each_->quantile(images_random_.uniform());
    tokens = std::min(tokens, kMaxTokens);
    r.encoder_tokens += static_cast<std::int32_t>(tokens);
    r.input_tokens += static_cast<std::int32_t>(tokens);
  }

  void classify(Request& r) {
    const double u = classes_random_.uniform() * shares_.back();
    const auto i = std::upper_bound(shares_.begin(), shares_.end() - 1, u) - shares_.begin();
    const ClassSpec& c = spec_.classes[static_cast<std::size_t>(i)];
    r.priority = static_cast<std::uint8_t>(c.priority);
    r.deadline = c.deadline_s > 0 ? r.arrival + ns_from_seconds(c.deadline_s) : 0;
  }

  std::unique_ptr<RequestSource> inner_;
  MarkSpec spec_;
  RandomStream images_random_, classes_random_, variants_random_;
  std::unique_ptr<LengthSampler> per_request_, tokens_each_, variants_;
  std::vector<double> shares_;  // summed
};

}  // namespace

std::unique_ptr<RequestSource> mark(std::unique_ptr<RequestSource> source, const MarkSpec& spec, std::uint64_t seed,
                                    std::uint32_t replication) {
  check(spec);
  return std::make_unique<Marked>(std::move(source), spec, seed, replication);
}

}  // namespace tokenfab
