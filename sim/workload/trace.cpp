#include "sim/workload/trace.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/row_stream.h"

namespace tokenfab {
namespace {

constexpr std::size_t kHeldRows = 1 << 18;

/// Rows in memory.
class Rows {
 public:
  std::size_t size() const { return rows_.size(); }
  void clear() { rows_ = {}, hashes_ = {}; }
  void add(const TraceRow& r) {
    rows_.push_back({r.time, hashes_.size(), static_cast<std::uint32_t>(r.hashes.size()),
                     static_cast<std::int32_t>(r.input), static_cast<std::int32_t>(r.output),
                     static_cast<std::int32_t>(r.cached)});
    hashes_.insert(hashes_.end(), r.hashes.begin(), r.hashes.end());
  }
  void sort() {
    std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  }
  void get(std::size_t i, TraceRow& out) const {
    const Row& r = rows_[i];
    out.time = r.time;
    out.input = r.input, out.output = r.output, out.cached = r.cached;
    const auto begin = hashes_.begin() + static_cast<std::ptrdiff_t>(r.hash_begin);
    out.hashes.assign(begin, begin + r.hash_count);
  }

 private:
  struct Row {
    Ns time;
    std::size_t hash_begin;
    std::uint32_t hash_count;
    std::int32_t input, output, cached;
  };
  std::vector<Row> rows_;
  std::vector<std::uint64_t> hashes_;
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
      Request r;
      r.arrival = row_.time - origin_;
      r.id = next_id_++;
      r.input_tokens = static_cast<std::int32_t>(row_.input);
      r.output_tokens = static_cast<std::int32_t>(row_.output);
      r.cached_tokens = static_cast<std::int32_t>(row_.cached);
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
      origin_ = std::min(origin_, row_.time);
      if (!sorted && report_->requests > sort_limit_) refuse_order(disorder);
      if (hold) rows_.add(row_);
      if (!hold || !sorted || rows_.size() < kHeldRows) continue;
      if (!stream_.can_rewind()) {  // a pipe goes on from the rows held, its order checked as it comes
        streaming_ = true;
        last_ = row_.time;
        return;
      }
      rows_.clear();
      hold = false;
    }
    report_->sorted_here = !sorted;
    if (!hold) reread(sorted);
    if (!sorted) rows_.sort();
  }

  void reread(bool sorted) {
    if (!stream_.rewind()) throw UserError(path_ + ": cannot be read a second time");
    streaming_ = sorted;
    if (!sorted)
      while (stream_.next(row_)) rows_.add(row_);
  }

  [[noreturn]] void refuse_order(std::int64_t line) const {
    stream_.fail(line, "the request arrived before the one above it; a trace of more than " + grouped(sort_limit_) +
                           " rows must be in order of arrival: sort it first, for example with sort -t, -k1,1");
  }

  bool next() {
    if (at_ < rows_.size()) {
      rows_.get(at_++, row_);
      return true;
    }
    if (!streaming_ || !stream_.next(row_)) return false;
    if (row_.time < last_)
      stream_.fail(stream_.line(),
                   "the request arrived before the one above it; a pipe cannot be sorted once its "
                   "first rows are used: give a file, or sort it first");
    last_ = row_.time;
    return true;
  }

  std::unique_ptr<std::istream> owned_;
  std::shared_ptr<TraceReport> report_;
  std::int64_t sort_limit_;
  RowStream stream_;
  std::string path_;
  Rows rows_;
  TraceRow row_;
  bool streaming_ = false;
  std::size_t at_ = 0;
  Ns origin_ = 0, last_ = INT64_MIN;
  std::int64_t next_id_ = 0;
};

std::unique_ptr<RequestSource> open(std::unique_ptr<std::istream> owned, std::istream& in, const TraceOptions& options,
                                    std::shared_ptr<TraceReport> report) {
  if (!report) report = std::make_shared<TraceReport>();
  *report = {};
  auto source = std::make_unique<TraceSource>(std::move(owned), in, options, std::move(report));
  return transform(std::move(source), options.transform, options.seed, options.replication);
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
