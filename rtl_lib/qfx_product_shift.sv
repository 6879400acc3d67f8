// y + carry = sum over lanes of x * w, every w the sum of Terms signed powers of two: no multiplier.
//
// Term r of a weight is one of Span places from 2 * r on (qfx_pkg::shift_span), or none. Its code, from the
// lowest bit: the place as a remainder and a quotient of Fine = ceil(Span / 2); a bit that says that there is
// one, unless a remainder that is not used says that there is none; the sign. x moved by the remainder, one
// LUT6 per bit for up to four of them, is registered; the quotient moves it by 0 or Fine inside the adder.
// That is one LUT6 per bit with its carry chain (two bits to choose from, quotient, whether, sign, the sum so
// far), the +1 of a negative term being the chain's carry input: LUTs about 2 * XBits + 1.5 * Span per term.
//
// All terms are added one after the other, row by row, lane by lane, as in qfx_product_lut: between rows the
// two lowest bits are done; two steps per stage; the first term's +1 is `carry_o`; a chain has Slots lanes of
// which Lanes are used. Latency: qfx_pkg::shift_chain. Width of y: qfx_pkg::shift_bits.
`include "qfx_check.svh"

module qfx_product_shift #(
    parameter int Lanes = 0,
    parameter int Slots = 0,
    parameter int Terms = 0,
    parameter int Span = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    localparam int Code = qfx_pkg::shift_code(Span),
    localparam int Stages = qfx_pkg::shift_chain(Slots, Terms, Span),
    localparam int YBits = qfx_pkg::shift_bits(Slots, Terms, Span, XBits, XSigned)
) (
    input  logic                        clk_i,
    input  logic [          Stages-1:0] en_i,
    input  logic [     Lanes*XBits-1:0] x_i,
    input  logic [Lanes*Terms*Code-1:0] w_i,
    output logic [           YBits-1:0] y_o,
    output logic                        carry_o
);
  `QFX_REQUIRE(Lanes >= 1 && Lanes <= Slots && Terms >= 1 && Span >= 1 && XBits >= 1,
               "qfx_product_shift: illegal parameters")

  localparam int Fine = qfx_pkg::shift_fine(Span);
  localparam int FineBits = $clog2(Fine);
  localparam bit Spare = (1 << FineBits) > Fine;
  localparam int Moved = XBits + Fine - 1;
  localparam int Wide = XBits + Span - 1 + (XSigned != 0 ? 0 : 1);
  localparam int First = Fine > 1 ? 1 : 0;
  localparam int Count = Slots * Terms;
  localparam int XWord = Lanes * XBits;
  localparam int WWord = Lanes * Terms * Code;

  logic [(Stages+1)*XWord-1:0] x;
  logic [(Stages+1)*WWord-1:0] w;
  assign x[0+:XWord] = x_i;
  assign w[0+:WWord] = w_i;

  genvar k, t;
  for (k = 1; k <= Stages; k = k + 1) begin : g_delay
    logic [XWord-1:0] x_q;
    logic [WWord-1:0] w_q;
    always_ff @(posedge clk_i) begin
      if (en_i[k-1]) begin
        x_q <= x[(k-1)*XWord+:XWord];
        w_q <= w[(k-1)*WWord+:WWord];
      end
    end
    assign x[k*XWord+:XWord] = x_q;
    assign w[k*WWord+:WWord] = w_q;
  end
  logic unused_delay;
  assign unused_delay = &{1'b0, x, w};

  for (t = 0; t < Count; t = t + 1) begin : g_term
    localparam int Row = t / Slots;
    localparam int Lane = t % Slots;
    localparam int Stage = t == 0 ? 0 : (t - 1) / 2;
    localparam int Bits = qfx_pkg::booth_width(t, Slots, XBits + Span - 2, XSigned);
    localparam int Low = 2 * Row;
    localparam bit Last = t == Count - 1 || t / 2 > Stage;

    logic signed [Low+Bits-1:0] sum, out;
    logic neg;

    if (Lane < Lanes) begin : g_multiple
      // x moved by the remainder, and the rest of the code
      logic [XBits-1:0] own;
      logic [Code-1:0] code;
      logic [Moved-1:0] extended, near, moved;
      logic [Code-FineBits-1:0] rest;
      logic signed [Wide-1:0] wide, chosen, multiple;
      assign own  = x[Stage*XWord+Lane*XBits+:XBits];
      assign code = w[Stage*WWord+(Lane*Terms+Row)*Code+:Code];
      if (XSigned != 0) begin : g_signed
        assign extended = Moved'($signed(own));
        assign wide = Wide'($signed(moved));
      end else begin : g_unsigned
        assign extended = Moved'(own);
        assign wide = Wide'(moved);
      end
      // one of the places, by and and or: from a choice, synthesis would make resets of single flip-flops
      if (Fine == 1) begin : g_still
        assign near = extended;
      end else begin : g_move
        logic [FineBits-1:0] by;
        assign by = code[FineBits-1:0];
        always_comb begin
          near = '0;
          for (int i = 0; i < Fine; i = i + 1) near = near | (extended << i) & {Moved{by == FineBits'(i)}};
        end
      end
      if (t == 0 || First == 0) begin : g_wires
        assign moved = near;
        assign rest  = code[Code-1:FineBits];
      end else begin : g_registers
        always_ff @(posedge clk_i) begin
          if (en_i[Stage]) begin
            moved <= near;
            rest  <= code[Code-1:FineBits];
          end
        end
      end

      // moved by the quotient, or nothing, or negative
      logic there;
      if (Spare) begin : g_always
        assign there = 1'b1;
      end else begin : g_there
        assign there = rest[Code-FineBits-2];
      end
      if (Span == 1) begin : g_one
        assign chosen = wide;
      end else begin : g_two
        assign chosen = rest[0] ? wide << Fine : wide;
      end
      assign multiple = chosen & {Wide{there}} ^ {Wide{rest[Code-FineBits-1]}};
      if (t == 0 && First == 0) begin : g_first
        assign sum = multiple;
        assign neg = rest[Code-FineBits-1];
      end else if (t == 0) begin : g_first
        always_ff @(posedge clk_i) begin
          if (en_i[0]) begin
            sum <= multiple;
            neg <= rest[Code-FineBits-1];
          end
        end
      end else begin : g_add
        localparam int Before = Low + qfx_pkg::booth_width(t - 1, Slots, XBits + Span - 2, XSigned)
                                - (Lane == 0 ? 2 : 0);
        logic signed [Before-1:0] prev;
        logic signed [Bits-1:0] high;
        logic signed [Bits:0] total;
        assign prev = g_term[t-1].out;
        assign high = Bits'(prev >>> Low);
        assign neg = rest[Code-FineBits-1];
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
      always_ff @(posedge clk_i) if (en_i[Stage+First]) sum_q <= sum;
      assign out = sum_q;
    end else begin : g_wire
      assign out = sum;
    end
  end

  assign y_o = g_term[Count-1].out;
  qfx_regs #(.Width(1), .Stages(Stages - First)) u_carry (
      .clk_i, .en_i(en_i[Stages-1:First]), .data_i(g_term[0].neg), .data_o(carry_o));
endmodule
