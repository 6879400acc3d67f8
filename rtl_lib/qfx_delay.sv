// y = x of Length enabled cycles ago: a shift register, or, where it is long, a ring of distributed or block memory.
//
// The memory is read a step ahead into a register, so that it is as fast as its own output register.
`include "qfx_check.svh"

module qfx_delay #(
    parameter int Width  = 0,
    parameter int Length = 0
) (
    input  logic             clk_i,
    input  logic             en_i,
    input  logic [Width-1:0] data_i,
    output logic [Width-1:0] data_o
);
  `QFX_REQUIRE(Width >= 1 && Length >= 1, "qfx_delay: Width and Length are at least 1")

  if (Length <= 32) begin : g_shift
    logic [Width*Length-1:0] word_q;
    assign data_o = word_q[(Length-1)*Width+:Width];
    if (Length == 1) begin : g_one
      always_ff @(posedge clk_i) if (en_i) word_q <= data_i;
    end else begin : g_more
      always_ff @(posedge clk_i) if (en_i) word_q <= {word_q[(Length-1)*Width-1:0], data_i};
    end
  end else begin : g_ring
    // written at count, read from the next place: that is Length - 1 steps old, the register makes it Length
    localparam int Bits = qfx_pkg::counter_bits(Length - 2);
    logic [Width-1:0] mem[0:Length-2];
    logic [Width-1:0] word_q;
    logic [Bits-1:0] count_q = '0;
    assign data_o = word_q;
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        mem[count_q] <= data_i;
        word_q <= mem[count_q];
        count_q <= count_q == Bits'(Length - 2) ? '0 : count_q + 1'b1;
      end
    end
  end
endmodule
