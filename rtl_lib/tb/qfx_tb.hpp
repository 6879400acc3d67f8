// The test bench of generated RTL under Verilator: AXI4-Stream sources and sinks, files of words, the clock, the
// verdict. Never synthesised.
//
// A file holds a port's words in order, each in as many whole bytes as it needs, least significant byte first; frames
// follow each other. With a seed, sources withhold `valid` and sinks withhold `ready` in a random part of the cycles (a
// raised `valid` stays until its word is taken), and registers without a reset start at random values.
#ifndef QFX_TB_HPP
#define QFX_TB_HPP

#include <verilated.h>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace qfx_tb {

const int kShown = 10;        // mismatches printed in full
const int kResetCycles = 4;
const int kDrainCycles = 64;  // after the last word: none may follow
const int kLongestPhase = 16;

enum exit_code { kEqual = 0, kDifferent = 1, kUsage = 2, kDeadlock = 3 };

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

inline options parse(int argc, char** argv) {
  options o;
  int at = 1;
  if (at < argc && argv[at][0] != '-') {
    o.check = !std::strcmp(argv[at], "check");
    if (!o.check && std::strcmp(argv[at], "run")) {
      fail(std::string("usage: ") + argv[0] + " [check|run] [DIRECTORY] [--seed N] [--stall PERCENT] "
           "[--frames N] [--patience CYCLES] [--trace FILE.vcd]");
    }
    ++at;
  }
  if (at < argc && argv[at][0] != '-') {
    o.directory = argv[at++];
  }
  for (; at + 1 < argc; at += 2) {
    const std::string flag = argv[at];
    if (flag == "--seed") {
      o.seed = std::strtoull(argv[at + 1], nullptr, 0);
    } else if (flag == "--stall") {
      o.stall = std::atoi(argv[at + 1]);
    } else if (flag == "--frames") {
      o.frames = std::atol(argv[at + 1]);
    } else if (flag == "--patience") {
      o.patience = std::atol(argv[at + 1]);
    } else if (flag == "--trace") {
      o.trace = argv[at + 1];
    } else {
      fail("unknown option " + flag);
    }
  }
  if (at < argc) {
    fail(std::string("no value for ") + argv[at]);
  }
  return o;
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
  // A word that waits although all frames are complete; `fed`: some input leads here (constants never end).
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
      std::printf("MISMATCH output %s, frame %ld, word %ld: TLAST is wrong\n", name_, index_ / words_, index_ % words_);
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

template <class Model>
class bench {
 public:
  bench(int argc, char** argv) : options_(parse(argc, argv)), verdict_(options_) {
    std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
    context_.commandArgs(argc, argv);
    context_.randReset(options_.seed ? 2 : 0);
    context_.randSeed(static_cast<int>(options_.seed));
    context_.traceEverOn(!options_.trace.empty());
    model_.reset(new Model(&context_));
  }

  Model& model() { return *model_; }

  template <class Data>
  void add_input(const char* name, long words, int bytes, Data& tdata, CData& tvalid, CData& tready, CData& tlast) {
    inputs_.emplace_back(
        new input<Data>(options_, number(), name, words, bytes, tdata, tvalid, tready, tlast));
    has(inputs_.back()->count(name));
  }

  template <class Data>
  void add_output(const char* name, long words, int bytes, bool fed, Data& tdata, CData& tvalid, CData& tready,
                  CData& tlast) {
    outputs_.emplace_back(
        new output<Data>(options_, verdict_, number(), name, words, bytes, fed, tdata, tvalid, tready, tlast));
    if (options_.check) {
      has(outputs_.back()->count(name));
    }
  }

  // Runs all frames; the exit code of the program.
  int run() {
    begin();
    const auto start = std::chrono::steady_clock::now();
    reset();
    const bool alive = simulate();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (alive) {
      drain();
    } else {
      static const char* report[] = {"+qfx_streams"};
      context_.commandArgsAdd(1, report);  // every FIFO tells which of its sides waits
    }
    model_->final();
    finish_trace();
    return tell(alive, seconds.count());
  }

 private:
  int number() const { return static_cast<int>(inputs_.size() + outputs_.size()); }

  void has(long frames) {
    if (frames_ >= 0 && frames_ != frames) {
      fail("the files in " + options_.directory + " have different numbers of frames");
    }
    frames_ = frames;
  }

  void begin() {
    if (frames_ < 0) {
      frames_ = options_.frames;
    }
    if (frames_ < 0) {
      fail("no file says how many frames to run");
    }
    for (auto& p : inputs_) {
      p->frames(frames_);
    }
    for (auto& p : outputs_) {
      p->frames(frames_);
      p->outputs = static_cast<long>(outputs_.size());
    }
#if VM_TRACE
    if (!options_.trace.empty()) {
      trace_.reset(new VerilatedVcdC);
      model_->trace(trace_.get(), 99);
      trace_->open(options_.trace.c_str());
    }
#else
    if (!options_.trace.empty()) {
      fail("this test bench was built without waveforms");
    }
#endif
  }

  void reset() {
    model_->aresetn = 0;
    for (int i = 0; i < kResetCycles; ++i) {
      settle();
      edge();
    }
    model_->aresetn = 1;
  }

  void settle() {
    model_->aclk = 0;
    evaluate();
  }

  void edge() {
    model_->aclk = 1;
    evaluate();
  }

  void evaluate() {
    model_->eval();
#if VM_TRACE
    if (trace_) {
      trace_->dump(time_++);
    }
#endif
  }

  bool cycle() {
    bool moved = false;
    for (auto& p : inputs_) {
      p->drive();
    }
    for (auto& p : outputs_) {
      p->drive();
    }
    settle();
    for (auto& p : inputs_) {
      moved |= p->sample(cycle_);
    }
    for (auto& p : outputs_) {
      moved |= p->sample(cycle_);
    }
    edge();
    ++cycle_;
    return moved;
  }

  // Until all frames have left; false when nothing moves any more.
  bool simulate() {
    long idle = 0;
    while (verdict_.complete < frames_) {
      const bool moved = cycle();
      idle = moved ? 0 : idle + 1;
      if (idle > options_.patience) {
        return false;
      }
    }
    cycles_ = cycle_;
    return true;
  }

  void drain() {
    for (int i = 0; i < kDrainCycles; ++i) {
      cycle();
    }
    for (auto& p : outputs_) {
      if (p->surplus() && verdict_.mismatch()) {
        std::printf("MISMATCH output %s: more words than %ld frames have\n", p->name(), frames_);
      }
    }
    for (auto& p : inputs_) {
      if (!p->complete() && verdict_.mismatch()) {
        std::printf("MISMATCH input %s: words are left over\n", p->name());
      }
    }
  }

  void finish_trace() {
#if VM_TRACE
    if (trace_) {
      trace_->close();
    }
#endif
  }

  int tell(bool alive, double seconds) {
    if (!alive) {
      std::printf("DEADLOCK: no word moved for %ld cycles, up to cycle %ld\n", options_.patience, cycle_);
    } else if (verdict_.mismatches) {
      std::printf("FAIL: %ld mismatches\n", verdict_.mismatches);
    } else if (options_.check) {
      std::printf("PASS: every word of %ld frames is equal\n", frames_);
    } else {
      for (auto& p : outputs_) {
        p->save();
      }
    }
    std::printf("{\"frames\": %ld, \"cycles\": %ld, \"seconds\": %.6f, \"inputs\": {", frames_, alive ? cycles_ : cycle_,
                seconds);
    print(inputs_);
    std::printf("}, \"outputs\": {");
    print(outputs_);
    std::printf("}}\n");
    return !alive ? kDeadlock : verdict_.mismatches ? kDifferent : kEqual;
  }

  template <class Port>
  static void print(const std::vector<std::unique_ptr<Port> >& ports) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      std::printf("%s", i ? ", " : "");
      ports[i]->print();
    }
  }

  options options_;
  verdict verdict_;
  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  std::vector<std::unique_ptr<port> > inputs_;
  std::vector<std::unique_ptr<sink> > outputs_;
  long frames_ = -1;
  long cycle_ = 0;
  long cycles_ = 0;
#if VM_TRACE
  std::unique_ptr<VerilatedVcdC> trace_;
  uint64_t time_ = 0;
#endif
};

}  // namespace qfx_tb

#endif
