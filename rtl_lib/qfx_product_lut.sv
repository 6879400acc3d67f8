// y + carry = sum over lanes of x * w, of LUTs.
//
// Radix-4 Booth: w becomes Rows digits -2..2, so a product is Rows multiples of x. All multiples are added
// one after the other, row by row, lane by lane; between rows the two lowest bits are done. One such step is
// one LUT6 per bit (three bits of w, two of x, the sum so far) with its carry chain, the +1 of a negative
// multiple being the chain's carry input: LUTs about Lanes * Rows * (XBits + 2). Two steps per stage; the
// operands of later steps are delayed. The first multiple's +1 is `carry_o`.
//
// A chain has Slots lanes of which Lanes are used, so that a shorter chain takes as long as a full one.
// Latency: Stages = max(1, Slots * Rows / 2 rounded down). Width of y: see `width`.
`include "qfx_check.svh"

module qfx_product_lut #(
    parameter int Lanes = 0,
    parameter int Slots = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int WBits = 0,
    parameter int WSigned = 0,
    localparam int Rows = qfx_pkg::booth_rows(WBits, WSigned),
    localparam int Stages = qfx_pkg::booth_stages(Slots, Rows),
    localparam int YBits = qfx_pkg::booth_bits(Slots, Rows, XBits, XSigned)
) (
    input  logic                   clk_i,
    input  logic [     Stages-1:0] en_i,
    input  logic [Lanes*XBits-1:0] x_i,
    input  logic [Lanes*WBits-1:0] w_i,
    output logic [      YBits-1:0] y_o,
    output logic                   carry_o
);
  `QFX_REQUIRE(Lanes >= 1 && Lanes <= Slots && XBits >= 1 && WBits >= 1,
               "qfx_product_lut: illegal parameters")

  localparam int Wide = XBits + (XSigned != 0 ? 0 : 1);
  localparam int Terms = Slots * Rows;

  logic [(Stages+1)*Lanes*XBits-1:0] x;
  logic [(Stages+1)*Lanes*WBits-1:0] w;
  assign x[0+:Lanes*XBits] = x_i;
  assign w[0+:Lanes*WBits] = w_i;

  genvar k, t;
  for (k = 1; k <= Stages; k = k + 1) begin : g_delay
    logic [Lanes*XBits-1:0] x_q;
    logic [Lanes*WBits-1:0] w_q;
    always_ff @(posedge clk_i) begin
      if (en_i[k-1]) begin
        x_q <= x[(k-1)*Lanes*XBits+:Lanes*XBits];
        w_q <= w[(k-1)*Lanes*WBits+:Lanes*WBits];
      end
    end
    assign x[k*Lanes*XBits+:Lanes*XBits] = x_q;
    assign w[k*Lanes*WBits+:Lanes*WBits] = w_q;
  end
  logic unused_delay;
  assign unused_delay = &{1'b0, x, w};

  for (t = 0; t < Terms; t = t + 1) begin : g_term
    localparam int Row = t / Slots;
    localparam int Lane = t % Slots;
    localparam int Stage = t == 0 ? 0 : (t - 1) / 2;
    localparam int Bits = qfx_pkg::booth_width(t, Slots, XBits, XSigned);
    localparam int Low = 2 * Row;
    localparam bit Last = t == Terms - 1 || t / 2 > Stage;

    logic signed [Low+Bits-1:0] sum, out;
    logic neg;

    if (Lane < Lanes) begin : g_multiple
      logic signed [Wide-1:0] xs;
      logic [2*Rows:0] digits;
      logic [2:0] digit;
      logic signed [Wide:0] multiple;
      if (XSigned != 0) begin : g_signed
        assign xs = x[(Stage*Lanes+Lane)*XBits+:XBits];
      end else begin : g_unsigned
        assign xs = {1'b0, x[(Stage*Lanes+Lane)*XBits+:XBits]};
      end
      if (2 * Rows == WBits) begin : g_even
        assign digits = {w[(Stage*Lanes+Lane)*WBits+:WBits], 1'b0};
      end else if (WSigned != 0) begin : g_extended
        assign digits = {w[(Stage*Lanes+Lane+1)*WBits-1], w[(Stage*Lanes+Lane)*WBits+:WBits], 1'b0};
      end else begin : g_padded
        assign digits = {{2 * Rows - WBits{1'b0}}, w[(Stage*Lanes+Lane)*WBits+:WBits], 1'b0};
      end
      assign digit = digits[2*Row+:3];
      assign neg = digit[2];
      logic one, two;
      assign one = digit[1] ^ digit[0];
      assign two = digit[2] ? !digit[1] && !digit[0] : digit[1] && digit[0];
      assign multiple = ({xs[Wide-1], xs} & {Wide + 1{one}} | {xs, 1'b0} & {Wide + 1{two}}) ^ {Wide + 1{neg}};
      logic unused;
      assign unused = &{1'b0, digits};
      if (t == 0) begin : g_first
        assign sum = multiple;
      end else begin : g_add
        localparam int Before = Low + qfx_pkg::booth_width(t - 1, Slots, XBits, XSigned)
                                - (Lane == 0 ? 2 : 0);
        logic signed [Before-1:0] prev;
        logic signed [Bits-1:0] high;
        logic signed [Bits:0] total;
        assign prev = g_term[t-1].out;
        assign high = Bits'(prev >>> Low);
        // high + multiple + neg, written so that every tool puts `high` on the chain and the multiple in its
        // LUTs
        assign total = $signed({high, neg}) - (Bits + 1)'($signed({~multiple, 1'b1}));
        if (Low == 0) begin : g_all
          assign sum = total[Bits:1];
        end else begin : g_high
          assign sum = {total[Bits:1], prev[Low-1:0]};
        end
        logic unused_low;
        assign unused_low = total[0];
      end
    end else begin : g_pass
      assign neg = 1'b0;
      assign sum = (Low + Bits)'(g_term[t-1].out);
      logic unused;
      assign unused = neg;
    end

    if (Last) begin : g_register
      logic signed [Low+Bits-1:0] sum_q;
      always_ff @(posedge clk_i) if (en_i[Stage]) sum_q <= sum;
      assign out = sum_q;
    end else begin : g_wire
      assign out = sum;
    end
  end

  assign y_o = g_term[Terms-1].out;
  qfx_regs #(
      .Width (1),
      .Stages(Stages)
  ) u_carry (
      .clk_i,
      .en_i,
      .data_i(g_term[0].neg),
      .data_o(carry_o)
  );

endmodule
