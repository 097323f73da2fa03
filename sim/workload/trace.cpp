#include "sim/workload/trace.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/row_stream.h"

namespace tokenfab {
namespace {

constexpr std::size_t kHeldRows = 1 << 18;
constexpr Ns kSecond = 1'000'000'000, kLongestGap = 366 * 86'400 * kSecond;

/// What a row says of its request, but for time and prefix.
struct Counts {
  std::int32_t input, output, cached, written, written_hour, reasoning;
  std::uint8_t tier;

  explicit Counts(const TraceRow& r)
      : input(tokens(r.input)),
        output(tokens(r.output)),
        cached(tokens(r.cached)),
        written(tokens(r.written)),
        written_hour(tokens(r.written_hour)),
        reasoning(tokens(r.reasoning)),
        tier(r.tier) {}
  std::int64_t all() const { return std::int64_t{input} + output; }
  void put(TraceRow& r) const {
    r.input = input, r.output = output, r.cached = cached;
    r.written = written, r.written_hour = written_hour, r.reasoning = reasoning;
    r.tier = tier;
  }

 private:
  static std::int32_t tokens(std::int64_t n) { return static_cast<std::int32_t>(n); }
};

/// Rows in memory.
class Rows {
 public:
  std::size_t size() const { return rows_.size(); }
  void clear() { rows_ = {}, hashes_ = {}; }
  void add(const TraceRow& r) {
    rows_.push_back({r.time, hashes_.size(), static_cast<std::uint32_t>(r.hashes.size()), Counts(r)});
    hashes_.insert(hashes_.end(), r.hashes.begin(), r.hashes.end());
  }
  void sort() {
    std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  }
  Ns time(std::size_t i) const { return rows_[i].time; }
  void tell(std::size_t i, const Counts& counts) { rows_[i].counts = counts; }
  void get(std::size_t i, TraceRow& out) const {
    const Row& r = rows_[i];
    out.time = r.time;
    r.counts.put(out);
    const auto begin = hashes_.begin() + static_cast<std::ptrdiff_t>(r.hash_begin);
    out.hashes.assign(begin, begin + r.hash_count);
  }

 private:
  struct Row {
    Ns time;
    std::size_t hash_begin;
    std::uint32_t hash_count;
    Counts counts;
  };
  std::vector<Row> rows_;
  std::vector<std::uint64_t> hashes_;
};

/// Responses that several rows tell: the first says when, and the row with most tokens how many.
class Responses {
 public:
  struct Told {
    std::int64_t place;  // of its first row
    Counts most;
  };
  /// Notes a row at its place in the file; what was told of its response before, or null.
  Told* note(const TraceRow& r, std::int64_t place) {
    const auto [at, is_new] = told_.try_emplace(r.response, Told{place, Counts(r)});
    if (is_new) return nullptr;
    if (const Counts counts(r); counts.all() > at->second.most.all()) at->second.most = counts;
    return &at->second;
  }
  /// Whether the row is its response's first; takes over what the others say.
  bool settle(TraceRow& r, std::int64_t place) const {
    const Told& told = told_.at(r.response);
    if (told.place != place) return false;
    told.most.put(r);
    return true;
  }

 private:
  std::unordered_map<std::uint64_t, Told> told_;
};

/// What the times of all rows have in common.
class Clock {
 public:
  void see(Ns time) {
    whole_ = whole_ && time % kSecond == 0;
    const bool same = seen_ && time / kSecond == second_;
    shared_ = shared_ || same;
    seconds_ += !same;
    second_ = time / kSecond;
    seen_ = true;
  }
  /// Whole seconds that some requests share: the clock that wrote them was coarser than the arrivals.
  bool is_coarse() const { return whole_ && shared_ && seconds_ >= kLeastSeconds; }

 private:
  static constexpr std::int64_t kLeastSeconds = 10;
  bool seen_ = false, whole_ = true, shared_ = false;
  Ns second_ = 0;
  std::int64_t seconds_ = 0;
};

class TraceSource final : public RequestSource {
 public:
  TraceSource(std::unique_ptr<std::istream> owned, std::istream& in, const TraceOptions& options,
              std::shared_ptr<TraceReport> report)
      : owned_(std::move(owned)),
        report_(std::move(report)),
        sort_limit_(options.sort_limit),
        stream_(in, options, report_),
        path_(options.path) {
    check_pass();
    if (report_->requests == 0)
      throw UserError(path_ + ": no request in " + grouped(report_->lines) + " lines (" + grouped(report_->failed) +
                      " failed, " + grouped(report_->skipped) + " skipped)");
  }

  void read(RequestBatch& batch, std::size_t limit) override {
    batch.clear();
    while (batch.requests.size() < std::min<std::size_t>(limit, 4096) && next()) {
      const auto tokens = [](std::int64_t n) { return static_cast<std::int32_t>(n); };
      Request r;
      r.arrival = row_.time - origin_;
      r.id = next_id_++;
      r.input_tokens = tokens(row_.input);
      r.output_tokens = tokens(row_.output);
      r.cached_tokens = tokens(row_.cached);
      r.written_tokens = tokens(row_.written);
      r.written_hour_tokens = tokens(row_.written_hour);
      r.reasoning_tokens = tokens(row_.reasoning);
      r.tier = row_.tier;
      r.hash_begin = static_cast<std::uint32_t>(batch.hash_ids.size());
      r.hash_count = static_cast<std::uint32_t>(row_.hashes.size());
      batch.hash_ids.insert(batch.hash_ids.end(), row_.hashes.begin(), row_.hashes.end());
      batch.requests.push_back(r);
    }
  }

 private:
  /// Reads every row once: holds them while they are few (or out of order), then only watches their order.
  void check_pass() {
    bool sorted = true, hold = true;
    std::int64_t disorder = 0;
    origin_ = INT64_MAX;
    for (Ns last = INT64_MIN; stream_.next(row_); last = row_.time) {
      if (row_.time < last && sorted) sorted = false, disorder = stream_.line();
      if (!sorted && report_->requests > sort_limit_) refuse_order(disorder);
      if (told_before(hold)) continue;
      origin_ = std::min(origin_, row_.time);
      if (sorted) watch(last);
      report_->cached_rows += row_.cached > 0;
      if (hold) rows_.add(row_);
      if (!hold || !sorted || rows_.size() < kHeldRows) continue;
      if (!stream_.can_rewind()) {  // a pipe goes on from the rows held, its order checked as it comes
        streaming_ = true;
        last_ = row_.time;
        report_->whole_seconds = clock_.is_coarse();
        return;
      }
      rows_.clear();
      held_at_.clear();
      hold = false;
    }
    report_->sorted_here = !sorted;
    if (!hold) reread(sorted);
    if (!sorted) sort();
    report_->whole_seconds = clock_.is_coarse();
  }

  /// Whether the row tells a response again; of held rows the first takes over what it says.
  bool told_before(bool hold) {
    const std::int64_t place = places_++;
    if (row_.response == 0) return false;
    const Responses::Told* told = responses_.note(row_, place);
    if (!told) {
      if (hold) held_at_[place] = rows_.size();
      return false;
    }
    ++report_->repeated;
    --report_->requests;
    if (hold) rows_.tell(held_at_.at(told->place), told->most);
    return true;
  }

  void sort() {
    rows_.sort();
    clock_ = {};
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      clock_.see(rows_.time(i));
      if (i > 0) check_gap(rows_.time(i - 1), rows_.time(i), 0);
    }
  }

  void watch(Ns last) {
    clock_.see(row_.time);
    if (last != INT64_MIN) check_gap(last, row_.time, stream_.line());
  }

  void check_gap(Ns from, Ns to, std::int64_t line) const {
    if (to - from <= kLongestGap) return;
    const std::string years = shortest(std::round(static_cast<double>(to - from) / (365.25 * 86'400e9) * 10) / 10);
    const std::string why = "a gap of " + years +
                            " years to the request before: are there two clocks in the trace, or "
                            "another unit (\"columns\": {\"arrival_unit\": …})?";
    if (line > 0) stream_.fail(line, why);
    throw UserError(path_ + ": in order of arrival, " + why);
  }

  void reread(bool sorted) {
    if (!stream_.rewind()) throw UserError(path_ + ": cannot be read a second time");
    streaming_ = sorted;
    places_ = 0;
    if (!sorted)
      while (next_in_file()) rows_.add(row_);
  }

  [[noreturn]] void refuse_order(std::int64_t line) const {
    stream_.fail(line, "the request arrived before the one above it; a trace of more than " + grouped(sort_limit_) +
                           " rows must be in order of arrival: sort it first, for example with sort -t, -k1,1");
  }

  /// The next row that counts, in the second pass or from a pipe.
  bool next_in_file() {
    const bool first_pass = !stream_.can_rewind();
    while (stream_.next(row_)) {
      if (first_pass && told_before(false)) continue;
      if (first_pass) return true;
      const std::int64_t place = places_++;
      if (row_.response == 0 || responses_.settle(row_, place)) return true;
    }
    return false;
  }

  bool next() {
    if (at_ < rows_.size()) {
      rows_.get(at_++, row_);
      return true;
    }
    if (!streaming_ || !next_in_file()) return false;
    if (row_.time < last_)
      stream_.fail(stream_.line(),
                   "the request arrived before the one above it; a pipe cannot be sorted once its "
                   "first rows are used: give a file, or sort it first");
    if (last_ != INT64_MIN) check_gap(last_, row_.time, stream_.line());
    last_ = row_.time;
    return true;
  }

  std::unique_ptr<std::istream> owned_;
  std::shared_ptr<TraceReport> report_;
  std::int64_t sort_limit_;
  RowStream stream_;
  std::string path_;
  Rows rows_;
  Responses responses_;
  std::unordered_map<std::int64_t, std::size_t> held_at_;  // by a response's first place, where it is in rows_
  Clock clock_;
  TraceRow row_;
  bool streaming_ = false;
  std::size_t at_ = 0;
  Ns origin_ = 0, last_ = INT64_MIN;
  std::int64_t next_id_ = 0, places_ = 0;
};

std::unique_ptr<RequestSource> open(std::unique_ptr<std::istream> owned, std::istream& in, const TraceOptions& options,
                                    std::shared_ptr<TraceReport> report) {
  if (!report) report = std::make_shared<TraceReport>();
  *report = {};
  auto source = std::make_unique<TraceSource>(std::move(owned), in, options, report);
  TransformSpec changes = options.transform;
  if (options.spread_seconds && report->whole_seconds) changes.dejitter_s = 1;
  return transform(std::move(source), changes, options.seed, options.replication);
}

}  // namespace

std::unique_ptr<RequestSource> open_trace(const TraceOptions& options, std::shared_ptr<TraceReport> report) {
  auto in = std::make_unique<std::ifstream>(options.path, std::ios::binary);
  if (!*in) throw UserError(options.path + ": cannot be opened for reading");
  std::istream& stream = *in;
  return open(std::move(in), stream, options, std::move(report));
}

std::unique_ptr<RequestSource> open_trace(std::istream& in, const TraceOptions& options,
                                          std::shared_ptr<TraceReport> report) {
  return open(nullptr, in, options, std::move(report));
}

}  // namespace tokenfab
