// A stream: first in, first out, exactly Depth words.
//
// `x_ready_o` is a register: fewer than Depth words were there when the cycle began. A word is
// visible Latency cycles after it was written: 1, or 2 in block memory. From two words on it moves one word
// per cycle (block memory: from three on).
//
// Storage: block memory where Block says so, whose output register is the first of the Depth words; else by
// what it costs: one register; shift registers of one LUT per bit (SRL16E, SRLC32E); distributed memory,
// which takes 8 LUTs for 14 bits of 32 words or 7 bits of 64 words, but two pointers.
`include "qfx_check.svh"

module qfx_fifo #(
    parameter int Width = 0,
    parameter int Depth = 0,
    parameter int Block = 0
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic [Width-1:0] x_data_i,
    input  logic             x_valid_i,
    output logic             x_ready_o,
    output logic [Width-1:0] y_data_o,
    output logic             y_valid_o,
    input  logic             y_ready_i
);
  `QFX_REQUIRE(Width >= 1 && Depth >= 1, "qfx_fifo: Width and Depth are at least 1")
  `QFX_REQUIRE(Block == 0 || (Block == 1 && Depth >= 3), "qfx_fifo: block memory holds at least 3 words")

  localparam int Latency = Block != 0 ? 2 : 1;
  // The two pointers of a memory cost more than they save on narrow words.
  localparam bit Shift = Depth <= 32 && Width < 24;
  // Words that wait in the storage; a block memory's output register holds one more.
  localparam int Slots = Depth - (Latency - 1);
  // The places of a shift register: synthesis makes flip-flops of fewer than three.
  localparam int Places = Depth == 2 ? 3 : Slots;
  localparam int SlotBits = qfx_pkg::counter_bits(Places - 1);

  logic push, take;  // a word enters, or leaves, the storage
  logic [SlotBits:0] oldest_q;  // waiting words - 1: the place of the oldest one, negative when there is none
  logic some;  // a word waits
  logic ready_q;  // there is room

  assign push = x_valid_i && x_ready_o;
  assign some = !oldest_q[SlotBits];
  assign x_ready_o = ready_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      oldest_q <= '1;
      ready_q  <= 1'b1;
    end else if (push != take) begin
      oldest_q <= oldest_q + (push ? (SlotBits + 1)'(1) : '1);
      ready_q  <= !push || oldest_q != (SlotBits + 1)'(Slots - 2);
    end
  end

  if (Depth == 1) begin : g_register
    logic [Width-1:0] word_q;
    always_ff @(posedge clk_i) if (push) word_q <= x_data_i;
    assign y_data_o = word_q;
  end else if (Block == 0 && Shift) begin : g_shift
`ifdef VERILATOR
    // The same in whole words: bit by bit, the streams would take most of a simulation.
    logic [Places*Width-1:0] words_q;
    always_ff @(posedge clk_i) if (push) words_q <= {words_q[0+:(Places-1)*Width], x_data_i};
    assign y_data_o = words_q[int'(oldest_q[SlotBits-1:0])*Width+:Width];
`else
    genvar i;
    for (i = 0; i < Width; i = i + 1) begin : g_bit
      logic [Places-1:0] bit_q;
      always_ff @(posedge clk_i) if (push) bit_q <= {bit_q[Places-2:0], x_data_i[i]};
      assign y_data_o[i] = bit_q[oldest_q[SlotBits-1:0]];
    end
`endif
  end else begin : g_memory
    // Pointers that wrap by themselves take no more memory up to 128 words, or 512 of a block memory.
    localparam int Rows = Slots > (Block != 0 ? 512 : 128) ? Slots : 1 << $clog2(Slots);
    localparam int RowBits = qfx_pkg::counter_bits(Rows - 1);
    logic [RowBits-1:0] write, read;
    logic unused_last_write, unused_last_read;
    qfx_counter #(
        .Last(Rows - 1)
    ) u_write (
        .clk_i,
        .rst_ni,
        .step_i (push),
        .count_o(write),
        .last_o (unused_last_write)
    );
    qfx_counter #(
        .Last(Rows - 1)
    ) u_read (
        .clk_i,
        .rst_ni,
        .step_i (take),
        .count_o(read),
        .last_o (unused_last_read)
    );
    if (Block != 0) begin : g_block
      (* ram_style = "block" *) logic [Width-1:0] mem[0:Rows-1];
      logic [Width-1:0] word_q;
      always_ff @(posedge clk_i) if (push) mem[write] <= x_data_i;
      always_ff @(posedge clk_i) if (take) word_q <= mem[read];
      assign y_data_o = word_q;
    end else begin : g_distributed
      (* ram_style = "distributed" *) logic [Width-1:0] mem[0:Rows-1];
      always_ff @(posedge clk_i) if (push) mem[write] <= x_data_i;
      assign y_data_o = mem[read];
    end
  end

  if (Block != 0) begin : g_head
    logic head_q;  // the output register holds a word
    always_ff @(posedge clk_i) begin
      if (!rst_ni) head_q <= 1'b0;
      else if (take) head_q <= 1'b1;
      else if (y_ready_i) head_q <= 1'b0;
    end
    assign take = some && (!head_q || y_ready_i);
    assign y_valid_o = head_q;
  end else begin : g_direct
    assign take = some && y_ready_i;
    assign y_valid_o = some;
  end

`ifdef VERILATOR
  final begin
    if ($test$plusargs("qfx_streams")) begin
      $display("qfx-stream %m %0d %0d %0d %0d",
               int'($signed(oldest_q)) + 1 + (Block != 0 ? int'(y_valid_o) : 0), Depth, x_valid_i, y_ready_i);
    end
  end
`endif
endmodule
