// hls::stream for g++ C-simulation: an unbounded queue with the interface of Vitis HLS's own.
// Reading an empty stream is an error in the design or the test bench: it names the stream, aborts.
#ifndef QFX_SIM_HLS_STREAM_H
#define QFX_SIM_HLS_STREAM_H

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace hls {

template <class T, int Depth = 0>
class stream {
 public:
  stream() : name_("(unnamed)") {}
  explicit stream(const char* name) : name_(name) {}

  T read() {
    if (empty()) {
      std::fprintf(stderr, "error: read from the empty stream '%s'\n", name_.c_str());
      std::abort();
    }
    const T value = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
    return value;
  }
  void read(T& value) { value = read(); }

  void write(const T& value) {
    if (count_ == ring_.size()) {
      grow();
    }
    ring_[(head_ + count_) & (ring_.size() - 1)] = value;
    ++count_;
  }

  bool empty() const { return count_ == 0; }
  bool full() const { return false; }
  std::size_t size() const { return count_; }
  const char* name() const { return name_.c_str(); }

 private:
  stream(const stream&);
  stream& operator=(const stream&);

  // The size stays a power of two, so that positions wrap by a mask.
  void grow() {
    std::vector<T> wider(ring_.empty() ? 16 : 2 * ring_.size());
    for (std::size_t i = 0; i < count_; ++i) {
      wider[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    }
    ring_.swap(wider);
    head_ = 0;
  }

  std::string name_;
  std::vector<T> ring_;
  std::size_t head_ = 0;
  std::size_t count_ = 0;
};

}  // namespace hls

#endif
