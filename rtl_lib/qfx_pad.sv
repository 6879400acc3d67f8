// y = x with a border of value[c]: Top, Bottom rows, Left, Right pixels, Before, After words inside every
// pixel.
//
// Loops: output row, pixel, word; one word written per iteration. Latency 1 (a constant border is the reset
// of the output registers, no LUTs), or 2 with a memory of values.
`include "qfx_check.svh"

module qfx_pad #(
    parameter int Lanes = 0,
    parameter int H = 0,
    parameter int W = 0,
    parameter int Words = 0,
    parameter int Top = 0,
    parameter int Left = 0,
    parameter int Bottom = 0,
    parameter int Right = 0,
    parameter int Before = 0,
    parameter int After = 0,
    parameter int VPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter ValueFile = ""
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
  `QFX_REQUIRE(Lanes >= 1 && H >= 1 && W >= 1 && Words >= 1, "qfx_pad: the image is not empty")
  `QFX_REQUIRE(VPeriod == 1 || VPeriod == Before + Words + After,
               "qfx_pad: the memory does not have its period")
  `QFX_REQUIRE(YBits >= XBits && YSigned >= XSigned, "qfx_pad: the output holds the input")

  localparam int Read = VPeriod > 1 ? 1 : 0;
  localparam int Latency = Read + 1;
  localparam int Rows = Top + H + Bottom;
  localparam int Pixels = Left + W + Right;
  localparam int PixelWords = Before + Words + After;

  logic [qfx_pkg::counter_bits(PixelWords-1)-1:0] word;
  logic [qfx_pkg::counter_bits(Pixels-1)-1:0] pixel;
  logic [qfx_pkg::counter_bits(Rows-1)-1:0] row;
  logic word_last, pixel_last, row_last, word_inside, pixel_inside, row_inside;
  logic takes, ready, unused;
  logic [Latency-1:0] en, moving;
  assign unused = &{1'b0, word, pixel, row, row_last, moving};
  assign takes = word_inside && pixel_inside && row_inside;
  assign x_ready_o = ready && takes;

  qfx_range #(
      .Count(PixelWords),
      .First(Before),
      .Size (Words)
  ) u_word (
      .clk_i,
      .rst_ni,
      .step_i  (moving[0]),
      .count_o (word),
      .last_o  (word_last),
      .inside_o(word_inside)
  );
  qfx_range #(
      .Count(Pixels),
      .First(Left),
      .Size (W)
  ) u_pixel (
      .clk_i,
      .rst_ni,
      .step_i  (moving[0] && word_last),
      .count_o (pixel),
      .last_o  (pixel_last),
      .inside_o(pixel_inside)
  );
  qfx_range #(
      .Count(Rows),
      .First(Top),
      .Size (H)
  ) u_row (
      .clk_i,
      .rst_ni,
      .step_i  (moving[0] && word_last && pixel_last),
      .count_o (row),
      .last_o  (row_last),
      .inside_o(row_inside)
  );
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0] || !takes),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (y_valid_o[0]),
      .ready_i (y_ready_i[0])
  );

  logic [Lanes*XBits-1:0] x;
  logic [Lanes*YBits-1:0] wide, value, y_q;
  logic border;
  qfx_regs #(
      .Width (Lanes * XBits + 1),
      .Stages(Read)
  ) u_x (
      .clk_i,
      .en_i  (en[0]),
      .data_i({!takes, x_data_i}),
      .data_o({border, x})
  );
  qfx_params #(
      .Width (Lanes * YBits),
      .Period(VPeriod),
      .File  (ValueFile)
  ) u_value (
      .clk_i,
      .en_i  (en[0]),
      .addr_i(word[qfx_pkg::counter_bits(VPeriod-1)-1:0]),
      .data_o(value)
  );

  genvar l;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    if (XSigned != 0) begin : g_signed
      assign wide[l*YBits+:YBits] = YBits'($signed(x[l*XBits+:XBits]));
    end else begin : g_unsigned
      assign wide[l*YBits+:YBits] = YBits'(x[l*XBits+:XBits]);
    end
  end

  always_ff @(posedge clk_i) if (en[Latency-1]) y_q <= border ? value : wide;
  assign y_data_o = y_q;

endmodule
