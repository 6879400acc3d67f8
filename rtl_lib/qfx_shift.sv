// y = saturate(((x << left[c]) + b[c]) >> Right, Lo, Hi): a cast that floors and saturates.
//
// One word per iteration. Latency: that of qfx_cast with Sum = 1 and Round = 0.
module qfx_shift #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Period = 0,
    parameter int Right = 0,
    parameter int WideBits = 0,
    parameter signed [63:0] Lo = 0,
    parameter signed [63:0] Hi = 0,
    parameter int LBits = 0,
    parameter int LPeriod = 0,
    parameter int BBits = 0,
    parameter int BSigned = 0,
    parameter int BPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter LeftFile = "",
    parameter BFile = ""
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
  qfx_cast #(
      .Lanes   (Lanes),
      .Words   (Words),
      .Period  (Period),
      .Sum     (1),
      .Right   (Right),
      .Round   (0),
      .Overflow(0),
      .WideBits(WideBits),
      .Lo      (Lo),
      .Hi      (Hi),
      .LBits   (LBits),
      .LPeriod (LPeriod),
      .BBits   (BBits),
      .BSigned (BSigned),
      .BPeriod (BPeriod),
      .XBits   (XBits),
      .XSigned (XSigned),
      .YBits   (YBits),
      .YSigned (YSigned),
      .LeftFile(LeftFile),
      .BFile   (BFile)
  ) u_cast (
      .clk_i,
      .rst_ni,
      .x_data_i,
      .x_valid_i,
      .x_ready_o,
      .y_data_o,
      .y_valid_o,
      .y_ready_i
  );

endmodule
