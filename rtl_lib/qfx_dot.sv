// y[p] + carry[p] = sum over s of w[p][s] * x[s], in DSPs (Fabric = 0) or LUTs (1): the heart of matvec,
// depthwise and of every other product.
//
// Chains of a few products each (qfx_product_lut, qfx_product_dsp), then a tree of adders over the chains.
// Latency: qfx_pkg::dot_stages. Width of a y: qfx_pkg::dot_bits. DSPs, Fabric = 0: Simd * ceil(Pe / pack) *
// tiles, pack = qfx_pkg::dsp_pack and, for signed numbers of x and w bits, tiles = the smaller of
// ceil(x / 18) * ceil(w / 27) and ceil(x / 27) * ceil(w / 18), which is 1 up to 27 x 18 bits.
module qfx_dot #(
    parameter int Fabric = 0,
    parameter int Simd = 0,
    parameter int Pe = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int WBits = 0,
    parameter int WSigned = 0,
    localparam int Stages = qfx_pkg::dot_stages(Fabric, Simd, Pe, XBits, XSigned, WBits, WSigned),
    localparam int YBits = qfx_pkg::dot_bits(Fabric, Simd, Pe, XBits, XSigned, WBits, WSigned)
) (
    input  logic                     clk_i,
    input  logic [       Stages-1:0] en_i,
    input  logic [   Simd*XBits-1:0] x_i,
    input  logic [Pe*Simd*WBits-1:0] w_i,
    output logic [     Pe*YBits-1:0] y_o,
    output logic [           Pe-1:0] carry_o
);
  localparam int Swap = qfx_pkg::booth_swaps(XBits, XSigned, WBits, WSigned);
  localparam int Rows = Swap != 0 ? qfx_pkg::booth_rows(XBits, XSigned) : qfx_pkg::booth_rows(WBits, WSigned);
  localparam int Full = Fabric != 0 ? 1 : qfx_pkg::dsp_pack(Pe, XBits, XSigned, WBits, WSigned);
  localparam int Slots = Fabric != 0 ? qfx_pkg::booth_slots(Simd, Rows)
                         : qfx_pkg::dsp_slots(Simd, Full, XBits, XSigned, WBits, WSigned);
  localparam int Chains = (Simd + Slots - 1) / Slots;
  localparam int Tree = $clog2(Chains);
  localparam int Part = YBits - Tree;
  localparam int First = Stages - Tree;

  logic [Pe*Chains*Part-1:0] part;
  logic [Pe*Chains-1:0] borrow;

  genvar g, c, j;
  for (g = 0; g * Full < Pe; g = g + 1) begin : g_group
    localparam int Pack = qfx_pkg::min_of(Full, Pe - g * Full);
    for (c = 0; c < Chains; c = c + 1) begin : g_chain
      localparam int Lanes = qfx_pkg::min_of(Slots, Simd - c * Slots);
      logic [Lanes*XBits-1:0] x;
      logic [Pack*Lanes*WBits-1:0] w;
      logic [Pack*Part-1:0] y;
      logic [Pack-1:0] carry;
      assign x = x_i[c*Slots*XBits+:Lanes*XBits];
      for (j = 0; j < Pack; j = j + 1) begin : g_output
        assign w[j*Lanes*WBits+:Lanes*WBits] = w_i[((g*Full+j)*Simd+c*Slots)*WBits+:Lanes*WBits];
        assign part[((g*Full+j)*Chains+c)*Part+:Part] = y[j*Part+:Part];
        assign borrow[(g*Full+j)*Chains+c] = carry[j];
      end
      if (Fabric == 0) begin : g_dsp
        qfx_product_dsp #(
            .Lanes(Lanes),
            .Slots(Slots),
            .Pack(Pack),
            .Field(qfx_pkg::dsp_field(Full, WBits)),
            .XBits(XBits),
            .XSigned(XSigned),
            .WBits(WBits),
            .WSigned(WSigned)
        ) u_products (
            .clk_i,
            .en_i(en_i[First-1:0]),
            .x_i(x),
            .w_i(w),
            .y_o(y),
            .carry_o(carry)
        );
      end else if (Swap == 0) begin : g_lut
        qfx_product_lut #(
            .Lanes(Lanes),
            .Slots(Slots),
            .XBits(XBits),
            .XSigned(XSigned),
            .WBits(WBits),
            .WSigned(WSigned)
        ) u_products (
            .clk_i,
            .en_i(en_i[First-1:0]),
            .x_i(x),
            .w_i(w),
            .y_o(y),
            .carry_o(carry)
        );
      end else begin : g_swapped
        qfx_product_lut #(
            .Lanes(Lanes),
            .Slots(Slots),
            .XBits(WBits),
            .XSigned(WSigned),
            .WBits(XBits),
            .WSigned(XSigned)
        ) u_products (
            .clk_i,
            .en_i(en_i[First-1:0]),
            .x_i(w),
            .w_i(x),
            .y_o(y),
            .carry_o(carry)
        );
      end
    end
  end

  for (j = 0; j < Pe; j = j + 1) begin : g_sum
    localparam int Enables = qfx_pkg::max_of(Tree, 1);
    qfx_dot_sum #(
        .N(Chains),
        .Bits(Part)
    ) u_sum (
        .clk_i,
        .en_i(en_i[Stages-1-:Enables]),
        .x_i(part[j*Chains*Part+:Chains*Part]),
        .carry_i(borrow[j*Chains+:Chains]),
        .y_o(y_o[j*YBits+:YBits]),
        .carry_o(carry_o[j])
    );
  end

endmodule
