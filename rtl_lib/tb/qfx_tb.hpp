// The test bench of generated RTL under Verilator: arguments, the clock, deadlocks, the verdict. Never synthesised.
//
// With a seed, sources withhold `valid` and sinks withhold `ready` in a random part of the cycles (a raised `valid`
// stays until its word is taken), and registers without a reset start at random values.
#ifndef QFX_TB_HPP
#define QFX_TB_HPP

#include <verilated.h>
#if VM_TRACE
#include <verilated_vcd_c.h>
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "qfx_ports.hpp"

namespace qfx_tb {

const int kResetCycles = 4;
const int kDrainCycles = 64;  // after the last word: none may follow

enum exit_code { kEqual = 0, kDifferent = 1, kDeadlock = 3 };  // kUsage is 2

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

  bool all_taken() const {
    for (auto& p : inputs_) {
      if (!p->complete()) {
        return false;
      }
    }
    return true;
  }

  void drain() {
    long idle = 0;
    while (!all_taken() && idle <= options_.patience) {  // what no result of the last frame needs
      idle = cycle() ? 0 : idle + 1;
    }
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
    std::printf("{\"frames\": %ld, \"cycles\": %ld, \"seconds\": %.6f, \"inputs\": {", frames_,
                alive ? cycles_ : cycle_, seconds);
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
