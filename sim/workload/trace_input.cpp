#include "sim/workload/trace_input.h"

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/zstd_frames.h"

namespace tokenfab {
namespace io = boost::iostreams;

namespace {

constexpr std::size_t kChunk = 1 << 16, kLongestLine = 64 << 20;

/// The compressed bytes as a Boost.Iostreams source: what was peeked, then the stream.
class Bytes {
 public:
  using char_type = char;
  using category = io::source_tag;
  Bytes(std::istream& in, std::string head, bool zstd)
      : state_(std::make_shared<State>(State{&in, std::move(head), zstd, {}})) {}
  std::streamsize read(char* to, std::streamsize n) {
    State& s = *state_;
    std::streamsize got = std::min<std::streamsize>(n, static_cast<std::streamsize>(s.head.size()));
    std::memcpy(to, s.head.data(), static_cast<std::size_t>(got));
    s.head.erase(0, static_cast<std::size_t>(got));
    if (got == 0) got = s.in->rdbuf()->sgetn(to, n);
    if (s.zstd) {
      if (got > 0) s.frames.feed({to, static_cast<std::size_t>(got)});
      else if (!s.frames.whole()) throw std::ios_base::failure("the compressed data is cut short");
    }
    return got > 0 ? got : -1;
  }

 private:
  struct State {
    std::istream* in;
    std::string head;
    bool zstd;
    ZstdFrames frames;
  };
  std::shared_ptr<State> state_;  // Boost copies its devices
};

}  // namespace

TraceInput::TraceInput(std::istream& in, std::string name)
    : in_(in), name_(std::move(name)), origin_(in.tellg()), buffer_(kChunk) {
  start();
}

TraceInput::~TraceInput() = default;

bool TraceInput::rewind() {
  if (!can_rewind()) return false;
  in_.clear();
  if (!in_.seekg(origin_)) return false;
  start();
  return true;
}

void TraceInput::start() {
  begin_ = end_ = 0;
  ended_ = false;
  line_number_ = 0;
  std::string head(4, '\0');
  try {
    head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in_.rdbuf()->sgetn(head.data(), 4))));
  } catch (const std::ios_base::failure&) {
    throw UserError(name_ + ": cannot be read; is it a folder?");
  }
  auto chain = std::make_unique<io::filtering_streambuf<io::input>>();
  const bool zstd = head == "\x28\xB5\x2F\xFD";
  if (zstd) {
    compression_ = "zstd";
    chain->push(io::zstd_decompressor(), kChunk);
  } else if (head.size() >= 2 && head[0] == '\x1F' && head[1] == '\x8B') {
    compression_ = "gzip";
    chain->push(io::gzip_decompressor(), kChunk);
  }
  chain->push(Bytes(in_, head, zstd), kChunk);
  bytes_ = std::move(chain);
}

bool TraceInput::refill() {
  if (ended_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (buffer_.size() >= kLongestLine)
      throw UserError(name_ + ":" + std::to_string(line_number_ + 1) + ": the line is longer than 64 MiB");
    buffer_.resize(buffer_.size() * 2);
  }
  std::streamsize got = 0;
  try {
    got = bytes_->sgetn(buffer_.data() + end_, static_cast<std::streamsize>(buffer_.size() - end_));
  } catch (const std::ios_base::failure& e) {
    const std::string what = compression_.empty() ? "cannot be read" : "damaged or cut short " + compression_ + " data";
    throw UserError(name_ + ": " + what + " after line " + std::to_string(line_number_) + " (" + e.what() + ")");
  }
  ended_ = got <= 0;
  if (got > 0) end_ += static_cast<std::size_t>(got);
  return !ended_;
}

bool TraceInput::next_line(std::string_view& line) {
  std::size_t searched = 0;
  const char* newline = nullptr;
  for (;;) {
    const char* from = buffer_.data() + begin_ + searched;
    const std::size_t n = end_ - begin_ - searched;
    newline = n > 0 ? static_cast<const char*>(std::memchr(from, '\n', n)) : nullptr;
    if (newline) break;
    searched += n;
    if (!refill()) break;
  }
  const std::size_t length = newline ? static_cast<std::size_t>(newline - (buffer_.data() + begin_)) : end_ - begin_;
  if (!newline && length == 0) return false;
  line = {buffer_.data() + begin_, length};
  begin_ += length + (newline ? 1 : 0);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (++line_number_ == 1 && line.substr(0, 3) == "\xEF\xBB\xBF") line.remove_prefix(3);
  return true;
}

}  // namespace tokenfab
