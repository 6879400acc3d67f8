// y[v][(g,m)] = sum over k of w[g][k][m] * x[v][(g,k)]: a constant matrix times every vector.
//
// Loops: vector, group, tile of Pe outputs, word of Simd inputs; a word per cycle. Tile 0 reads the vector's
// words and keeps them, the tiles after it use the kept ones. The accumulators have the type of the result
// and wrap, which is exact since every result fits.
//
// Fabric: 0 multiplies in DSPs, 1 in LUTs, 2 shifts: weights are Terms signed powers of two (qfx_dot_shift).
// Latency: memory_stages of w + dot_stages (2: shift_stages) + 1 (memory, dot product, accumulators).
`include "qfx_check.svh"

module qfx_matvec #(
    parameter int Simd = 0,
    parameter int Pe = 0,
    parameter int Vectors = 0,
    parameter int Groups = 0,
    parameter int Tiles = 0,
    parameter int Depth = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter int WBits = 0,
    parameter int WSigned = 0,
    parameter int Fabric = 0,
    parameter int Terms = 0,
    parameter int Shifts = 0,
    parameter WFile = ""
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic [Simd*XBits-1:0] x_data_i,
    input  logic [           0:0] x_valid_i,
    output logic [           0:0] x_ready_o,
    output logic [  Pe*YBits-1:0] y_data_o,
    output logic [           0:0] y_valid_o,
    input  logic [           0:0] y_ready_i
);
  `QFX_REQUIRE(Simd >= 1 && Pe >= 1 && Vectors >= 1 && Groups >= 1 && Tiles >= 1 && Depth >= 1,
               "qfx_matvec: a count is missing")
  `QFX_REQUIRE(XBits >= 1 && YBits >= 1 && WBits >= 1 && (YSigned == 0 || YSigned == 1),
               "qfx_matvec: a type is missing")

  localparam int Dot = Fabric == 2 ? qfx_pkg::shift_stages(Simd, Terms, Shifts)
                       : qfx_pkg::dot_stages(Fabric, Simd, Pe, XBits, XSigned, WBits, WSigned);
  localparam int Read = qfx_pkg::memory_stages(Groups * Tiles * Depth, Pe * Simd * WBits);
  localparam int Latency = Read + Dot + 1;
  localparam int Rows = Groups * Tiles * Depth;
  localparam int Word = Simd * XBits;

  // front
  logic [qfx_pkg::counter_bits(Depth-1)-1:0] word;
  logic [qfx_pkg::counter_bits(Tiles-1)-1:0] tile;
  logic [qfx_pkg::counter_bits(Rows-1)-1:0] row;
  logic last_word, last_tile, last_row, reads, ready, fire;
  logic [Latency-1:0] en, moving;
  logic valid, last, first_acc;

  assign reads = tile == '0;
  assign fire = ready && (x_valid_i[0] || !reads);
  assign x_ready_o[0] = ready && reads;

  qfx_counter #(.Last(Depth - 1)) u_word (
      .clk_i, .rst_ni, .step_i(fire), .count_o(word), .last_o(last_word));
  qfx_counter #(.Last(Tiles - 1)) u_tile (
      .clk_i, .rst_ni, .step_i(fire && last_word), .count_o(tile), .last_o(last_tile));
  qfx_counter #(.Last(Rows - 1)) u_row (
      .clk_i, .rst_ni, .step_i(fire), .count_o(row), .last_o(last_row));

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0] || !reads), .ready_o(ready), .en_o(en), .moving_o(moving),
      .valid_o(valid), .ready_i(y_ready_i[0] || !last));
  assign y_valid_o[0] = valid && last;

  qfx_regs #(.Width(1), .Stages(Latency - 1)) u_first (
      .clk_i, .en_i(en[Latency-2:0]), .data_i(word == '0), .data_o(first_acc));
  qfx_regs #(.Width(1), .Stages(Latency)) u_last (.clk_i, .en_i(en), .data_i(last_word), .data_o(last));

  // the vector's word, as many stages long as the weights
  logic [Word-1:0] x;
  logic [Pe*Simd*WBits-1:0] w;

  if (Tiles == 1) begin : g_direct
    qfx_regs #(.Width(Word), .Stages(Read)) u_x (.clk_i, .en_i(en[Read-1:0]), .data_i(x_data_i), .data_o(x));
  end else begin : g_kept
    logic [Word-1:0] kept[0:Depth-1];
    always_ff @(posedge clk_i) if (fire && reads) kept[word] <= x_data_i;
    if (Read == 1) begin : g_short
      logic [Word-1:0] x_q;
      always_ff @(posedge clk_i) if (en[0]) x_q <= reads ? x_data_i : kept[word];
      assign x = x_q;
    end else begin : g_long
      logic [Word-1:0] x_q, kept_q, word_q;
      logic reads_q;
      always_ff @(posedge clk_i) begin
        if (en[0]) begin
          x_q <= x_data_i;
          kept_q <= kept[word];
          reads_q <= reads;
        end
        if (en[1]) word_q <= reads_q ? x_q : kept_q;
      end
      assign x = word_q;
    end
  end

  qfx_rom #(.Width(Pe * Simd * WBits), .Depth(Rows), .Stages(Read), .File(WFile)) u_w (
      .clk_i, .en_i(en[Read-1:0]), .addr_i(row), .data_o(w));

  // the dot product and the accumulators
  localparam int Sum = Fabric == 2 ? qfx_pkg::shift_sum(Simd, Terms, Shifts, XBits, XSigned)
                       : qfx_pkg::dot_bits(Fabric, Simd, Pe, XBits, XSigned, WBits, WSigned);
  logic [Pe*Sum-1:0] sum;
  logic [Pe-1:0] carry;

  if (Fabric == 2) begin : g_shift
    qfx_dot_shift #(
        .Simd(Simd), .Pe(Pe), .Terms(Terms), .Shifts(Shifts), .XBits(XBits), .XSigned(XSigned)
    ) u_dot (
        .clk_i, .en_i(en[Latency-2:Read]), .x_i(x), .w_i(w), .y_o(sum), .carry_o(carry));
  end else begin : g_multiply
    qfx_dot #(
        .Fabric(Fabric), .Simd(Simd), .Pe(Pe), .XBits(XBits), .XSigned(XSigned), .WBits(WBits),
        .WSigned(WSigned)
    ) u_dot (
        .clk_i, .en_i(en[Latency-2:Read]), .x_i(x), .w_i(w), .y_o(sum), .carry_o(carry));
  end

  qfx_accumulate #(.Lanes(Pe), .SumBits(Sum), .YBits(YBits), .Chunks(1)) u_accumulate (
      .clk_i, .rst_ni, .en_i(moving[Latency-1]), .first_i(first_acc || Depth == 1), .sum_i(sum),
      .carry_i(carry), .y_o(y_data_o));

  logic unused;
  assign unused = &{1'b0, moving, last_tile, last_row};

endmodule
