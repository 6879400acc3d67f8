// data_o is data_i as it was Length steps ago; a step is a cycle with en_i.
//
// Shift registers (SRL) up to 32 steps, beyond that a memory that is read one step ahead. No reset: whoever reads the
// first Length words ignores them.
`include "qfx_check.svh"

module qfx_delay #(
    parameter int Width = 0,
    parameter int Length = 0
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             en_i,
    input  logic [Width-1:0] data_i,
    output logic [Width-1:0] data_o
);
  `QFX_REQUIRE(Width >= 1 && Length >= 1, "qfx_delay: Width and Length are at least 1")

  if (Length <= 32) begin : g_shift
    logic [Length*Width-1:0] words_q;
    assign data_o = words_q[(Length-1)*Width+:Width];
    if (Length == 1) begin : g_one
      always_ff @(posedge clk_i) if (en_i) words_q <= data_i;
    end else begin : g_more
      always_ff @(posedge clk_i) if (en_i) words_q <= {words_q[(Length-1)*Width-1:0], data_i};
    end
    logic unused;
    assign unused = rst_ni;
  end else begin : g_memory
    // The place that is written in a step is read again Length - 1 steps later, for the step after that.
    localparam int Bits = qfx_pkg::counter_bits(Length - 1);
    logic [Width-1:0] mem[0:Length-1];
    logic [Width-1:0] word_q;
    logic [Bits-1:0] at, next;
    logic last;
    qfx_counter #(
        .Last(Length - 1)
    ) u_at (
        .clk_i,
        .rst_ni,
        .step_i (en_i),
        .count_o(at),
        .last_o (last)
    );
    assign next = last ? '0 : at + 1'b1;
    always_ff @(posedge clk_i) if (en_i) mem[at] <= data_i;
    always_ff @(posedge clk_i) if (en_i) word_q <= mem[next];
    assign data_o = word_q;
  end

endmodule
