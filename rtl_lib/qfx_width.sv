// The same bits in wider or in narrower words; the first narrow word is the least significant one.
//
// One narrow word per iteration. Widening shifts the words into a register; narrowing keeps what is left of
// the wide word and chooses from it, so neither takes a LUT for every bit of the wide word. Latency 1.
`include "qfx_check.svh"

module qfx_width #(
    parameter int InBits = 0,
    parameter int OutBits = 0,
    parameter int InWords = 0
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic [ InBits-1:0] x_data_i,
    input  logic [        0:0] x_valid_i,
    output logic [        0:0] x_ready_o,
    output logic [OutBits-1:0] y_data_o,
    output logic [        0:0] y_valid_o,
    input  logic [        0:0] y_ready_i
);
  `QFX_REQUIRE(InBits >= 1 && OutBits >= 1 && InWords >= 1, "qfx_width: words and frames are not empty")
  `QFX_REQUIRE(InBits % OutBits == 0 || (OutBits % InBits == 0 && InWords % (OutBits / InBits) == 0),
               "qfx_width: one width must divide the other, and words must fill the frame")

  localparam int Latency = 1;
  localparam bit Wider = OutBits > InBits;
  localparam int Ratio = Wider ? OutBits / InBits : InBits / OutBits;
  localparam int KBits = qfx_pkg::counter_bits(Ratio - 1);

  logic fire, ready, moving, en, last;
  logic [KBits-1:0] k;
  qfx_counter #(
      .Last(Ratio - 1)
  ) u_k (
      .clk_i,
      .rst_ni,
      .step_i (moving),
      .count_o(k),
      .last_o (last)
  );

  logic valid, emits_q;
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (fire),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (valid),
      .ready_i (y_ready_i[0] || !emits_q)
  );
  assign y_valid_o = valid && emits_q;

  if (Wider) begin : g_wider
    logic [OutBits-1:0] word_q;
    logic unused;
    assign unused = &{1'b0, k, en};
    assign fire = x_valid_i[0];
    assign x_ready_o = ready;
    always_ff @(posedge clk_i) begin
      if (moving) begin
        word_q  <= {x_data_i, word_q[OutBits-1:InBits]};
        emits_q <= last;
      end
    end
    assign y_data_o = word_q;
  end else if (Ratio == 1) begin : g_same
    logic [OutBits-1:0] word_q;
    logic unused;
    assign unused = &{1'b0, k, en, last};
    assign fire = x_valid_i[0];
    assign x_ready_o = ready;
    assign emits_q = 1'b1;
    always_ff @(posedge clk_i) if (moving) word_q <= x_data_i;
    assign y_data_o = word_q;
  end else begin : g_narrower
    localparam int Rest = InBits - OutBits;
    logic [Rest-1:0] rest_q;
    logic [InBits-1:0] word;  // part 0 comes from the new word, the others from what was kept of it
    logic [OutBits-1:0] y_q;
    logic first, unused;
    assign unused = &{1'b0, en, last};
    assign first = k == '0;
    assign fire = !first || x_valid_i[0];
    assign x_ready_o = ready && first;
    assign emits_q = 1'b1;
    assign word = {rest_q, x_data_i[OutBits-1:0]};
    always_ff @(posedge clk_i) begin
      if (moving && first) rest_q <= x_data_i[InBits-1:OutBits];
      if (moving) y_q <= word[k*OutBits+:OutBits];
    end
    assign y_data_o = y_q;
  end

endmodule
