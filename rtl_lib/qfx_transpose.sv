// y[b][j0][j1][j2][j3] = x[b][j0*T0 + j1*T1 + j2*T2 + j3*T3]: the words of every block in another order. The
// Blocks of a frame follow each other as frames do, so nothing here counts them.
//
// The first half of the iterations stores a block, Settle iterations later the second half emits it (loops:
// j0..j3). The first stage says what an iteration does, the second one writes or reads the memory, in the
// order of the iterations; the address moves by one of five constants. Latency: 1 + the stages of the memory.
`include "qfx_check.svh"

module qfx_transpose #(
    parameter int Lanes = 0,
    parameter int Blocks = 0,
    parameter int D0 = 0,
    parameter int D1 = 0,
    parameter int D2 = 0,
    parameter int D3 = 0,
    parameter int T0 = 0,
    parameter int T1 = 0,
    parameter int T2 = 0,
    parameter int T3 = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic [Lanes*XBits-1:0] x_data_i,
    input  logic [            0:0] x_valid_i,
    output logic [            0:0] x_ready_o,
    output logic [Lanes*YBits-1:0] y_data_o,
    output logic [            0:0] y_valid_o,
    input  logic [            0:0] y_ready_i
);
  `QFX_REQUIRE(Blocks >= 1, "qfx_transpose: at least one block")
  `QFX_REQUIRE(Lanes >= 1 && D0 >= 1 && D1 >= 1 && D2 >= 1 && D3 >= 1,
               "qfx_transpose: a block is not empty")
  `QFX_REQUIRE(XBits == YBits && XSigned == YSigned, "qfx_transpose: the output is of the type of the input")

  localparam int Settle = 4;
  localparam int Words = D0 * D1 * D2 * D3;
  localparam int Stages = qfx_pkg::memory_stages(Words, Lanes * XBits);
  localparam int Latency = 1 + Stages;
  localparam int AddrBits = qfx_pkg::counter_bits(Words - 1);
  localparam int CountBits = qfx_pkg::counter_bits(Words + Settle - 1);

  // From one word to be emitted to the next one: on axis 3, 2, 1, 0, and to the next block.
  localparam int Next2 = T2 - (D3 - 1) * T3;
  localparam int Next1 = T1 - (D3 - 1) * T3 - (D2 - 1) * T2;
  localparam int Next0 = T0 - (D3 - 1) * T3 - (D2 - 1) * T2 - (D1 - 1) * T1;
  localparam int NextBlock = Next0 - D0 * T0;

  // The front.

  logic [Latency-1:0] en, moving;
  logic [CountBits-1:0] count_q;
  logic ready, takes_q, emits_q;
  assign x_ready_o = ready && takes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      takes_q <= 1'b1;
      emits_q <= 1'b0;
    end else if (moving[0]) begin
      if (count_q == (emits_q ? CountBits'(Words - 1) : CountBits'(Words + Settle - 1))) begin
        count_q <= '0;
        takes_q <= emits_q;
        emits_q <= !emits_q;
      end else begin
        count_q <= count_q + 1'b1;
        if (count_q == CountBits'(Words - 1)) takes_q <= 1'b0;
      end
    end
  end

  logic emits, last3, last2, last1, last0;
  logic [qfx_pkg::counter_bits(D3-1)-1:0] j3;
  logic [qfx_pkg::counter_bits(D2-1)-1:0] j2;
  logic [qfx_pkg::counter_bits(D1-1)-1:0] j1;
  logic [qfx_pkg::counter_bits(D0-1)-1:0] j0;
  assign emits = moving[0] && emits_q;
  qfx_counter #(
      .Last(D3 - 1)
  ) u_j3 (
      .clk_i,
      .rst_ni,
      .step_i (emits),
      .count_o(j3),
      .last_o (last3)
  );
  qfx_counter #(
      .Last(D2 - 1)
  ) u_j2 (
      .clk_i,
      .rst_ni,
      .step_i (emits && last3),
      .count_o(j2),
      .last_o (last2)
  );
  qfx_counter #(
      .Last(D1 - 1)
  ) u_j1 (
      .clk_i,
      .rst_ni,
      .step_i (emits && last3 && last2),
      .count_o(j1),
      .last_o (last1)
  );
  qfx_counter #(
      .Last(D0 - 1)
  ) u_j0 (
      .clk_i,
      .rst_ni,
      .step_i (emits && last3 && last2 && last1),
      .count_o(j0),
      .last_o (last0)
  );

  // The pipeline.

  logic [Latency-1:0] emitting_q;  // by stage
  logic taking_q, valid;
  logic [AddrBits-1:0] step_q;
  logic [Lanes*XBits-1:0] x_q;
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0] || !takes_q),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (valid),
      .ready_i (y_ready_i[0] || !emitting_q[Latency-1])
  );
  assign y_valid_o = valid && emitting_q[Latency-1];
  always_ff @(posedge clk_i) begin
    if (en[0]) begin
      x_q <= x_data_i;
      taking_q <= takes_q;
      emitting_q[0] <= emits_q;
      step_q <= !last3 ? AddrBits'(T3) : !last2 ? AddrBits'(Next2) : !last1 ? AddrBits'(Next1) :
                !last0 ? AddrBits'(Next0) : AddrBits'(NextBlock);
    end
  end
  genvar k;
  for (k = 1; k < Latency; k = k + 1) begin : g_emitting
    always_ff @(posedge clk_i) if (en[k]) emitting_q[k] <= emitting_q[k-1];
  end

  // The block.

  logic [AddrBits-1:0] store, at_q;
  logic writes, reads, store_last;
  assign writes = moving[1] && taking_q;
  assign reads  = moving[1] && emitting_q[0];
  qfx_counter #(
      .Last(Words - 1)
  ) u_store (
      .clk_i,
      .rst_ni,
      .step_i (writes),
      .count_o(store),
      .last_o (store_last)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) at_q <= '0;
    else if (reads) at_q <= at_q + step_q;
  end
  logic [Stages-1:0] ram_en;
  if (Stages == 2) begin : g_two
    assign ram_en = {en[2], reads};
  end else begin : g_one
    assign ram_en = reads;
  end
  qfx_ram #(
      .Width(Lanes * XBits),
      .Depth(Words)
  ) u_block (
      .clk_i,
      .write_i     (writes),
      .write_addr_i(store),
      .write_data_i(x_q),
      .en_i        (ram_en),
      .addr_i      (at_q),
      .data_o      (y_data_o)
  );

  logic unused;
  assign unused = &{1'b0, j0, j1, j2, j3, store_last, moving};

endmodule
