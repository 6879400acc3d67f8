// What generated test benches share: files of words, comparison, the verdict. Never synthesised.
//
// A file holds a port's words in order, each in as many whole bytes as it needs, least significant
// byte first; frames follow each other.
#ifndef QFX_TB_HPP
#define QFX_TB_HPP

#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace qfx_tb {

const int kShown = 10;  // mismatches printed in full

// Mode, directory, frame counter and verdict.
class bench {
 public:
  bench(int argc, char** argv, const char* golden)
      : directory_(argc > 2 ? argv[2] : golden),
        running_(argc > 1 && !std::strcmp(argv[1], "run")) {
    if (argc > 1 && !running_ && std::strcmp(argv[1], "check")) {
      std::fprintf(stderr, "usage: %s [check DIRECTORY | run DIRECTORY]\n", argv[0]);
      std::exit(2);
    }
    std::setvbuf(stdout, 0, _IOLBF, 1 << 12);
    start_ = std::chrono::steady_clock::now();
  }

  bool running() const { return running_; }
  long frame() const { return frame_; }
  std::string path(const char* port) const { return directory_ + "/" + port + ".bin"; }

  // Every file must hold the same number of frames.
  void has_frames(const char* port, std::size_t bytes, std::size_t frame_bytes) {
    const long count = static_cast<long>(bytes / frame_bytes);
    if (bytes % frame_bytes || count == 0 || (frames_ >= 0 && frames_ != count)) {
      std::fprintf(stderr, "error: %s: %lu bytes are not as many frames, of %lu bytes each\n",
                   path(port).c_str(), static_cast<unsigned long>(bytes),
                   static_cast<unsigned long>(frame_bytes));
      std::exit(2);
    }
    frames_ = count;
  }

  bool next_frame() {
    ++frame_;
    if (frame_ > 0 && running_) {
      std::printf("frame %ld of %ld\n", frame_, frames_);
    }
    return frame_ < frames_;
  }

  // Counts an error; says whether it is still worth printing.
  bool mismatch() { return ++mismatches_ <= kShown; }

  int verdict() const {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    std::printf("simulated %ld frames in %.6f s\n", frames_, seconds);
    if (mismatches_) {
      std::printf("FAIL: %ld mismatches\n", mismatches_);
      return 1;
    }
    if (!running_) {
      std::printf("PASS: every word of %ld frames is equal\n", frames_);
    }
    return 0;
  }

 private:
  std::string directory_;
  bool running_;
  long frame_ = -1;
  long frames_ = -1;
  long mismatches_ = 0;
  std::chrono::steady_clock::time_point start_;
};

// Vitis HLS runs test benches some folders below the project: look for a relative path upwards.
inline std::FILE* open_upwards(std::string path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  for (int i = 0; !file && i < 8 && path[0] != '/'; ++i) {
    path = "../" + path;
    file = std::fopen(path.c_str(), "rb");
  }
  return file;
}

inline std::vector<uint8_t> read_file(const std::string& path) {
  std::FILE* file = open_upwards(path);
  if (!file) {
    std::fprintf(stderr, "error: cannot read %s\n", path.c_str());
    std::exit(2);
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

template <int Bits>
ap_uint<Bits> from_bytes(const uint8_t* bytes) {
  ap_uint<Bits> word = 0;
  for (int i = Bits / 8 - 1; i >= 0; --i) {
    if (Bits > 8) {
      word <<= 8;
    }
    word |= ap_uint<Bits>(bytes[i]);
  }
  return word;
}

template <int Bits>
void to_bytes(ap_uint<Bits> word, uint8_t* bytes) {
  for (int i = 0; i < Bits / 8; ++i) {
    bytes[i] = static_cast<uint8_t>(word.to_uint64());
    if (Bits > 8) {
      word >>= 8;
    }
  }
}

template <int Bits>
class input {
 public:
  input(bench& b, const char* name, long words)
      : port(name), bench_(b), name_(name), words_(words) {
    data_ = read_file(b.path(name));
    b.has_frames(name, data_.size(), words * kBytes);
  }

  void feed() {
    const uint8_t* at = &data_[bench_.frame() * words_ * kBytes];
    for (long i = 0; i < words_; ++i) {
      hls::axis<ap_uint<Bits>, 0, 0, 0> beat;
      beat.data = from_bytes<Bits>(at + i * kBytes);
      beat.keep = -1;
      beat.strb = -1;
      beat.last = i == words_ - 1;
      port.write(beat);
    }
  }

  // The design must have taken the whole frame.
  void finish() {
    if (!port.empty() && bench_.mismatch()) {
      std::printf("MISMATCH input %s, frame %ld: words are left over\n", name_, bench_.frame());
    }
  }

  hls::stream<hls::axis<ap_uint<Bits>, 0, 0, 0> > port;

 private:
  static const int kBytes = Bits / 8;
  bench& bench_;
  const char* name_;
  long words_;
  std::vector<uint8_t> data_;
};

template <int Bits>
class output {
 public:
  output(bench& b, const char* name, long words, int lanes, int bits, bool is_signed)
      : port(name), bench_(b), name_(name), words_(words), lanes_(lanes), bits_(bits),
        signed_(is_signed) {
    if (!b.running()) {
      data_ = read_file(b.path(name));
      b.has_frames(name, data_.size(), words * kBytes);
    }
  }

  void drain() {
    std::vector<uint8_t> got(kBytes);
    for (long i = 0; i < words_; ++i) {
      if (port.empty()) {
        if (bench_.mismatch()) {
          std::printf("MISMATCH output %s, frame %ld: only %ld of %ld words\n", name_,
                      bench_.frame(), i, words_);
        }
        return;
      }
      const hls::axis<ap_uint<Bits>, 0, 0, 0> beat = port.read();
      to_bytes<Bits>(beat.data, &got[0]);
      if (bench_.running()) {
        data_.insert(data_.end(), got.begin(), got.end());
      } else {
        compare(i, &got[0], &data_[(bench_.frame() * words_ + i) * kBytes]);
      }
      if (beat.last != (i == words_ - 1) && bench_.mismatch()) {
        std::printf("MISMATCH output %s, frame %ld, word %ld: TLAST is wrong\n", name_,
                    bench_.frame(), i);
      }
    }
    if (!port.empty() && bench_.mismatch()) {
      std::printf("MISMATCH output %s, frame %ld: more than %ld words\n", name_, bench_.frame(),
                  words_);
    }
  }

  void save() const {
    if (!bench_.running()) {
      return;
    }
    std::FILE* file = std::fopen(bench_.path(name_).c_str(), "wb");
    if (!file || std::fwrite(&data_[0], 1, data_.size(), file) != data_.size() ||
        std::fclose(file)) {
      std::fprintf(stderr, "error: cannot write %s\n", bench_.path(name_).c_str());
      std::exit(2);
    }
  }

  hls::stream<hls::axis<ap_uint<Bits>, 0, 0, 0> > port;

 private:
  static const int kBytes = Bits / 8;

  long long lane(const uint8_t* word, int index) const {
    unsigned long long code = 0;
    for (int i = 0; i < bits_; ++i) {
      const int at = index * bits_ + i;
      code |= static_cast<unsigned long long>((word[at / 8] >> (at % 8)) & 1) << i;
    }
    if (signed_ && bits_ < 64 && (code >> (bits_ - 1))) {
      code |= ~0ULL << bits_;
    }
    return static_cast<long long>(code);
  }

  void compare(long index, const uint8_t* got, const uint8_t* expected) {
    if (!std::memcmp(got, expected, kBytes)) {
      return;
    }
    bool found = false;
    for (int i = 0; i < lanes_; ++i) {
      const long long g = lane(got, i), e = lane(expected, i);
      found = found || g != e;
      if (g != e && bench_.mismatch()) {
        std::printf("MISMATCH output %s, frame %ld, word %ld, lane %d: expected %lld, got %lld\n",
                    name_, bench_.frame(), index, i, e, g);
      }
    }
    if (!found && bench_.mismatch()) {
      std::printf("MISMATCH output %s, frame %ld, word %ld: padding differs\n", name_,
                  bench_.frame(), index);
    }
  }

  bench& bench_;
  const char* name_;
  long words_;
  int lanes_;
  int bits_;
  bool signed_;
  std::vector<uint8_t> data_;
};

}  // namespace qfx_tb

#endif
