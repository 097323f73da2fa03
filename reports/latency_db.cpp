#include "reports/latency_db.h"

#include <array>
#include <cmath>

#include "reports/fields.h"
#include "reports/table_rows.h"

namespace tokenfab {

using sqlite::Connection;
using sqlite::Statement;

namespace {

constexpr const char* kSession = "session";  // metric: from the first request to the end of the last
constexpr std::array<const char*, 4> kMetrics = {"ttft", "tpot", "e2e", "queue"};
template <class L>
auto& histogram(L& latencies, std::size_t metric) {
  auto* const all = std::array{&latencies.ttft, &latencies.tpot, &latencies.e2e, &latencies.queue}[metric];
  return *all;
}
const auto kClass = [](auto& c, auto f) { fields::service_class(c, f); };

std::string decimal(Int128 value) {
  if (value == 0) return "0";
  std::string out;
  for (Int128 v = value < 0 ? -value : value; v > 0; v /= 10)
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(v % 10)));
  return value < 0 ? "-" + out : out;
}

Int128 from_decimal(const std::string& text) {
  Int128 value = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
  return text.rfind('-', 0) == 0 ? -value : value;
}

void write_histogram(Connection& db, std::int64_t run, const std::string& metric, const Histogram& h) {
  Statement bucket(db, "INSERT INTO latency_sketch VALUES (?, ?, ?, ?, ?, ?)");
  for (std::size_t b = 0; b < h.counts().size(); ++b)
    if (h.counts()[b] > 0)
      bucket.bind(run)
          .bind(metric)
          .bind(b)
          .bind(Histogram::lower(b))
          .bind(Histogram::lower(b + 1))
          .bind(h.counts()[b])
          .execute();
  Statement total(db, "INSERT INTO latency VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const double none = std::nan("");
  const auto seconds = [&](double ns) { return h.count() > 0 ? ns * 1e-9 : none; };
  total.bind(run)
      .bind(metric)
      .bind(h.count())
      .bind(decimal(h.sum()))
      .bind(h.min())
      .bind(h.max())
      .bind(seconds(h.mean()))
      .bind(seconds(h.quantile(0.5)))
      .bind(seconds(h.quantile(0.9)))
      .bind(seconds(h.quantile(0.99)))
      .execute();
}

Histogram read_histogram(Connection& db, std::int64_t run, const std::string& metric) {
  std::vector<std::int64_t> counts;
  Statement buckets(db, "SELECT bucket, count FROM latency_sketch WHERE run_id = ? AND metric = ?");
  buckets.bind(run).bind(metric);
  while (buckets.step()) {
    std::size_t bucket = 0;
    std::int64_t count = 0;
    buckets.read(bucket).read(count);
    if (bucket > Histogram::bucket_of(INT64_MAX) || count < 0)
      throw UserError(db.path() + ": run " + std::to_string(run) + " is damaged: its latencies have no such bucket");
    if (bucket >= counts.size()) counts.resize(bucket + 1);
    counts[bucket] = count;
  }
  Statement total(db, "SELECT sum_ns, min_ns, max_ns FROM latency WHERE run_id = ? AND metric = ?");
  total.bind(run).bind(metric);
  std::string sum;
  std::int64_t low = 0, high = 0;
  if (total.step()) total.read(sum).read(low).read(high);
  return Histogram::restore(std::move(counts), from_decimal(sum), low, high);
}

std::string metric_of(std::size_t metric, int priority) {
  return std::string(kMetrics[metric]) + ".class" + std::to_string(priority);
}

}  // namespace

void write_latency(Connection& db, std::int64_t run, const Latencies& latencies) {
  for (std::size_t m = 0; m < kMetrics.size(); ++m) write_histogram(db, run, kMetrics[m], histogram(latencies, m));
}

void read_latency(Connection& db, std::int64_t run, Latencies& latencies) {
  for (std::size_t m = 0; m < kMetrics.size(); ++m) histogram(latencies, m) = read_histogram(db, run, kMetrics[m]);
}

/// Of one class of service: "ttft.class1" is its TTFT.

void write_classes(Connection& db, std::int64_t run, const std::vector<ClassStats>& classes) {
  Statement s = insert(db, "class_total", {"run_id"}, ClassStats{}, kClass);
  for (const ClassStats& c : classes) {
    write(s.bind(run), c, kClass);
    for (std::size_t m = 0; m < kMetrics.size(); ++m)
      write_histogram(db, run, metric_of(m, c.priority), histogram(c.latency, m));
  }
}

std::vector<ClassStats> read_classes(Connection& db, std::int64_t run) {
  auto classes = read_list<ClassStats>(db, run, "class_total WHERE run_id = ? ORDER BY priority", kClass);
  for (ClassStats& c : classes)
    for (std::size_t m = 0; m < kMetrics.size(); ++m)
      histogram(c.latency, m) = read_histogram(db, run, metric_of(m, c.priority));
  return classes;
}

void write_sessions(Connection& db, std::int64_t run, const std::optional<SessionStats>& sessions) {
  if (!sessions) return;
  Statement s(db, "INSERT INTO session_total VALUES (?, ?, ?, ?, ?)");
  s.bind(run).bind(sessions->started).bind(sessions->finished).bind(sessions->requests);
  s.bind(sessions->requests_finished).execute();
  write_histogram(db, run, kSession, sessions->duration);
}

std::optional<SessionStats> read_sessions(Connection& db, std::int64_t run) {
  Statement s(db, "SELECT started, finished, requests, requests_finished FROM session_total WHERE run_id = ?");
  s.bind(run);
  if (!s.step()) return std::nullopt;
  SessionStats out;
  s.read(out.started).read(out.finished).read(out.requests).read(out.requests_finished);
  out.duration = read_histogram(db, run, kSession);
  return out;
}

}  // namespace tokenfab
