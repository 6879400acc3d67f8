// The ports of a test bench: AXI4-Stream sources and sinks, files of words, random stalls. Never synthesised.
//
// A file holds a port's words in order, each in as many whole bytes as it needs, least significant byte first; frames
// follow each other.
#ifndef QFX_PORTS_HPP
#define QFX_PORTS_HPP

#include <verilated.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace qfx_tb {

const int kShown = 10;  // mismatches printed in full
const int kLongestPhase = 16;
const int kUsage = 2;

struct options {
  bool check = true;
  std::string directory = "tb/golden";
  uint64_t seed = 0;         // 0: full speed
  int stall = 50;            // per cent of the cycles, with a seed
  long frames = -1;          // where no file says how many
  long patience = 1000000;   // cycles without any handshake that prove a deadlock
  std::string trace;
};

[[noreturn]] inline void fail(const std::string& text) {
  std::fprintf(stderr, "error: %s\n", text.c_str());
  std::exit(kUsage);
}

inline std::vector<uint8_t> read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) {
    fail("cannot read " + path);
  }
  std::vector<uint8_t> data;
  uint8_t block[1 << 16];
  std::size_t got;
  while ((got = std::fread(block, 1, sizeof block, file)) > 0) {
    data.insert(data.end(), block, block + got);
  }
  std::fclose(file);
  return data;
}

inline void write_file(const std::string& path, const std::vector<uint8_t>& data) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file || std::fwrite(data.data(), 1, data.size(), file) != data.size() || std::fclose(file)) {
    fail("cannot write " + path);
  }
}

// Ports of up to 64 bits are integers, wider ones arrays of 32-bit words.
template <class Data>
void put(Data& port, const uint8_t* bytes, int count) {
  uint64_t word = 0;
  for (int i = count - 1; i >= 0; --i) {
    word = (word << 8) | bytes[i];
  }
  port = static_cast<Data>(word);
}

template <std::size_t N>
void put(VlWide<N>& port, const uint8_t* bytes, int count) {
  for (std::size_t i = 0; i < N; ++i) {
    port[i] = 0;
  }
  for (int i = 0; i < count; ++i) {
    port[i / 4] |= static_cast<EData>(bytes[i]) << (i % 4 * 8);
  }
}

template <class Data>
void get(const Data& port, uint8_t* bytes, int count) {
  for (int i = 0; i < count; ++i) {
    bytes[i] = static_cast<uint8_t>(static_cast<uint64_t>(port) >> (i * 8));
  }
}

template <std::size_t N>
void get(const VlWide<N>& port, uint8_t* bytes, int count) {
  for (int i = 0; i < count; ++i) {
    bytes[i] = static_cast<uint8_t>(port[i / 4] >> (i % 4 * 8));
  }
}

// Phases of 1..16 cycles, each stalled or not: single bubbles and long waits both occur.
class stalls {
 public:
  stalls(const options& o, int port) : state_(o.seed * 1000003 + port + 1), percent_(o.seed ? o.stall : 0) {}

  bool next() {
    if (!percent_) {
      return false;
    }
    if (left_-- == 0) {
      stalled_ = static_cast<int>(random() % 100) < percent_;
      left_ = random() % kLongestPhase;
    }
    return stalled_;
  }

 private:
  uint64_t random() {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) >> 8;
  }

  uint64_t state_;
  int percent_;
  uint64_t left_ = 0;
  bool stalled_ = false;
};

// One end of the design. `drive` sets what the design sees in this cycle, `sample` looks before the clock edge
// whether a word moves.
class port {
 public:
  port(const char* name, long words, int bytes) : name_(name), words_(words), bytes_(bytes) {}
  virtual ~port() {}
  virtual void drive() = 0;
  virtual bool sample(long cycle) = 0;
  const char* name() const { return name_; }
  bool complete() const { return index_ == total_; }
  long index() const { return index_; }
  void frames(long count) { total_ = count * words_; }

  // Frames in `data_`; every file has the same number of them.
  long count(const std::string& path) const {
    const long frame = words_ * bytes_, size = static_cast<long>(data_.size());
    if (size == 0 || size % frame) {
      fail(path + ": " + std::to_string(size) + " bytes are no frames of " + std::to_string(frame) + " bytes");
    }
    return size / frame;
  }

  // {"first": [..], "last": [..]}: per frame, the cycles in which its first and last word moved.
  void print() const {
    std::printf("\"%s\": {", name_);
    list("first", first_);
    std::printf(", ");
    list("last", last_);
    std::printf("}");
  }

 protected:
  static void list(const char* key, const std::vector<long>& cycles) {
    std::printf("\"%s\": [", key);
    for (std::size_t i = 0; i < cycles.size(); ++i) {
      std::printf("%s%ld", i ? ", " : "", cycles[i]);
    }
    std::printf("]");
  }

  const char* name_;
  const long words_;
  const int bytes_;
  long index_ = 0;
  long total_ = 0;
  std::vector<uint8_t> data_;
  std::vector<long> first_;
  std::vector<long> last_;
};

template <class Data>
class input : public port {
 public:
  input(const options& o, int number, const char* name, long words, int bytes, Data& tdata, CData& tvalid,
        CData& tready, CData& tlast)
      : port(name, words, bytes), stalls_(o, number), tdata_(tdata), tvalid_(tvalid), tready_(tready), tlast_(tlast) {
    data_ = read_file(o.directory + "/" + name + ".bin");
  }

  void drive() override {
    const bool stalled = stalls_.next();
    if (offered_) {
      return;
    }
    offered_ = !stalled && !complete();
    tvalid_ = offered_;
    if (offered_) {
      put(tdata_, &data_[index_ * bytes_], bytes_);
      tlast_ = index_ % words_ == words_ - 1;
    }
  }

  bool sample(long cycle) override {
    if (!offered_ || !tready_) {
      return false;
    }
    if (index_ % words_ == 0) {
      first_.push_back(cycle);
    }
    if (++index_ % words_ == 0) {
      last_.push_back(cycle);
    }
    offered_ = false;
    return true;
  }

 private:
  stalls stalls_;
  bool offered_ = false;
  Data& tdata_;
  CData& tvalid_;
  CData& tready_;
  CData& tlast_;
};

// What the bench knows of all outputs: files, mismatches, frames that are complete.
class verdict {
 public:
  explicit verdict(const options& o) : check(o.check), directory(o.directory) {}

  // Counts an error; says whether it is still worth printing.
  bool mismatch() { return ++mismatches <= kShown; }

  // Frame `frame` has left one more output.
  void frame_done(long frame, long outputs, long frames) {
    left.resize(frames, outputs);
    if (--left[frame] == 0) {
      ++complete;
      if (!check) {
        std::printf("frame %ld of %ld\n", complete, frames);
      }
    }
  }

  const bool check;
  const std::string directory;
  long mismatches = 0;
  long complete = 0;       // frames that have left all outputs
  std::vector<long> left;  // per frame: outputs that have not seen all of it
};

class sink : public port {
 public:
  using port::port;
  // A word that waits although all frames are complete; `fed`: none comes by itself.
  virtual bool surplus() const = 0;
  virtual void save() const = 0;
  long outputs = 1;
};

template <class Data>
class output : public sink {
 public:
  output(const options& o, verdict& v, int number, const char* name, long words, int bytes, bool fed, Data& tdata,
         CData& tvalid, CData& tready, CData& tlast)
      : sink(name, words, bytes), stalls_(o, number), verdict_(v), fed_(fed), got_(bytes), tdata_(tdata),
        tvalid_(tvalid), tready_(tready), tlast_(tlast) {
    if (o.check) {
      data_ = read_file(path());
    }
  }

  void drive() override { tready_ = !stalls_.next() && !complete(); }

  bool sample(long cycle) override {
    if (!tready_ || !tvalid_) {
      return false;
    }
    get(tdata_, got_.data(), bytes_);
    if (!verdict_.check) {
      data_.insert(data_.end(), got_.begin(), got_.end());
    } else if (std::memcmp(got_.data(), &data_[index_ * bytes_], bytes_)) {
      differs();
    }
    const bool last = index_ % words_ == words_ - 1;
    if (static_cast<bool>(tlast_) != last && verdict_.mismatch()) {
      std::printf("MISMATCH output %s, frame %ld, word %ld: TLAST is wrong\n", name_, index_ / words_,
                  index_ % words_);
    }
    if (index_ % words_ == 0) {
      first_.push_back(cycle);
    }
    ++index_;
    if (last) {
      last_.push_back(cycle);
      verdict_.frame_done(index_ / words_ - 1, outputs, total_ / words_);
    }
    return true;
  }

  bool surplus() const override { return fed_ && tvalid_; }
  void save() const override { write_file(path(), data_); }

 private:
  std::string path() const { return verdict_.directory + "/" + name_ + ".bin"; }

  void differs() {
    if (verdict_.mismatch()) {
      std::printf("MISMATCH output %s, frame %ld, word %ld: expected 0x", name_, index_ / words_, index_ % words_);
      hex(&data_[index_ * bytes_]);
      std::printf(", got 0x");
      hex(got_.data());
      std::printf("\n");
    }
  }

  void hex(const uint8_t* word) const {
    for (int i = bytes_ - 1; i >= 0; --i) {
      std::printf("%02x", word[i]);
    }
  }

  stalls stalls_;
  verdict& verdict_;
  const bool fed_;
  std::vector<uint8_t> got_;
  Data& tdata_;
  CData& tvalid_;
  CData& tready_;
  CData& tlast_;
};

}  // namespace qfx_tb

#endif
