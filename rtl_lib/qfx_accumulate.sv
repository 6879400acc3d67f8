// y[l] <= (first ? 0 : y[l] of Chunks steps ago) + sum[l] + carry[l], modulo 2**YBits, every lane by itself.
module qfx_accumulate #(
    parameter int Lanes = 0,
    parameter int SumBits = 0,
    parameter int YBits = 0,
    parameter int Chunks = 0
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     en_i,
    input  logic                     first_i,
    input  logic [Lanes*SumBits-1:0] sum_i,
    input  logic [        Lanes-1:0] carry_i,
    output logic [  Lanes*YBits-1:0] y_o
);
  logic [Lanes*YBits-1:0] y_q, earlier;
  assign y_o = y_q;

  if (Chunks > 1) begin : g_chunks
    qfx_delay #(.Width(Lanes * YBits), .Length(Chunks - 1)) u_delay (
        .clk_i, .rst_ni, .en_i, .data_i(y_q), .data_o(earlier));
  end else begin : g_single
    assign earlier = y_q;
    logic unused;
    assign unused = rst_ni;
  end

  genvar l;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic signed [SumBits-1:0] sum;
    logic signed [YBits-1:0] own, kept;
    logic [YBits:0] total;
    assign sum = sum_i[l*SumBits+:SumBits];
    if (SumBits >= YBits) begin : g_wrap
      assign own = sum[YBits-1:0];
      if (SumBits > YBits) begin : g_unused
        logic unused;
        assign unused = &{1'b0, sum};
      end
    end else begin : g_extend
      assign own = YBits'(sum);
    end
    assign kept = first_i ? '0 : earlier[l*YBits+:YBits];
    // own + kept + carry, written so that `own` is on the chain and the choice of `kept` in its LUTs
    assign total = {own, carry_i[l]} - {~kept, 1'b1};
    always_ff @(posedge clk_i) if (en_i) y_q[l*YBits+:YBits] <= total[YBits:1];
    logic unused;
    assign unused = total[0];
  end
endmodule
