// The windows of an image, Pe elements (whole taps) per word: what qfx_window emits tap by tap.
//
// The rows above the newest one come out of qfx_lines, the last Cols pixels of the window's KH rows are shift
// registers. A window leaves in Parts words as soon as its last pixel is there, the first one in the same
// iteration; the next pixel is read after the last one. Latency: the stages of the delay, the shift
// registers, and, if a window leaves in several words, the register behind the choice of one.
`include "qfx_check.svh"

module qfx_stencil #(
    parameter int Simd = 0,
    parameter int Pe = 0,
    parameter int H = 0,
    parameter int W = 0,
    parameter int Words = 0,
    parameter int KH = 0,
    parameter int KW = 0,
    parameter int SH = 0,
    parameter int SW = 0,
    parameter int DH = 0,
    parameter int DW = 0,
    parameter int OH = 0,
    parameter int OW = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0
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
  localparam int Rows = (KH - 1) * DH + 1;  // that a window spans
  localparam int Cols = (KW - 1) * DW + 1;
  localparam int Width = Simd * XBits;  // bits of an input word
  localparam int Pixel = Words * Width;  // of a pixel
  localparam int Kept = Cols * Pixel;  // of a row of the window
  localparam int Window = KH * KW * Pixel;
  localparam int Parts = Window / (Pe * XBits);

  `QFX_REQUIRE(XBits == YBits && XSigned == YSigned, "qfx_stencil: the output is of the type of the input")
  `QFX_REQUIRE(Parts * Pe * XBits == Window, "qfx_stencil: a window is a whole number of words")
  `QFX_REQUIRE(OH >= 1 && OW >= 1 && (OH - 1) * SH + Rows <= H && (OW - 1) * SW + Cols <= W,
               "qfx_stencil: the windows lie inside the image")

  localparam int Stages = qfx_pkg::lines_stages(Width, DH * W * Words, KH);
  localparam int Latency = Stages + (Parts > 1 ? 2 : 1);

  // The front: where the newest word lies, and how far it is to the next window.

  localparam int RowsFirst = qfx_pkg::max_of(Rows, SH);
  localparam int ColsFirst = qfx_pkg::max_of(Cols, SW);
  localparam int RowsBits = qfx_pkg::counter_bits(RowsFirst - 1);
  localparam int ColsBits = qfx_pkg::counter_bits(ColsFirst - 1);
  localparam int PartBits = qfx_pkg::counter_bits(Parts - 1);

  logic [Latency-1:0] en, moving;
  logic ready, takes, emits, steps, window_ends;
  logic word_last, pixel_last, row_last, part_last;
  logic [qfx_pkg::counter_bits(Words-1)-1:0] word;
  logic [qfx_pkg::counter_bits(W-1)-1:0] pixel;
  logic [qfx_pkg::counter_bits(H-1)-1:0] row;
  logic [PartBits-1:0] part;
  logic [RowsBits-1:0] rows_q;  // until one is the last of a window
  logic [ColsBits-1:0] cols_q;

  assign takes = part == '0;
  assign steps = moving[0] && takes;
  assign window_ends = word_last && rows_q == '0 && cols_q == '0;
  assign emits = !takes || window_ends;
  assign x_ready_o = ready && takes;

  qfx_counter #(
      .Last(Words - 1)
  ) u_word (
      .clk_i,
      .rst_ni,
      .step_i (steps),
      .count_o(word),
      .last_o (word_last)
  );
  qfx_counter #(
      .Last(W - 1)
  ) u_pixel (
      .clk_i,
      .rst_ni,
      .step_i (steps && word_last),
      .count_o(pixel),
      .last_o (pixel_last)
  );
  qfx_counter #(
      .Last(H - 1)
  ) u_row (
      .clk_i,
      .rst_ni,
      .step_i (steps && word_last && pixel_last),
      .count_o(row),
      .last_o (row_last)
  );
  qfx_counter #(
      .Last(Parts - 1)
  ) u_part (
      .clk_i,
      .rst_ni,
      .step_i (moving[0] && emits),
      .count_o(part),
      .last_o (part_last)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rows_q <= RowsBits'(Rows - 1);
      cols_q <= ColsBits'(Cols - 1);
    end else if (steps && word_last) begin
      if (pixel_last) begin
        cols_q <= ColsBits'(Cols - 1);
        rows_q <= row_last ? RowsBits'(Rows - 1) : rows_q == '0 ? RowsBits'(SH - 1) : rows_q - 1'b1;
      end else begin
        cols_q <= cols_q == '0 ? ColsBits'(SW - 1) : cols_q - 1'b1;
      end
    end
  end

  // The pipeline: `taking`, `x` arrive with a token at the shift registers, `emitting`, `chosen` behind them.

  logic valid, taking, emitting;
  logic [Width-1:0] x;
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0] || !takes),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (valid),
      .ready_i (y_ready_i[0] || !emitting)
  );
  assign y_valid_o = valid && emitting;
  qfx_regs #(
      .Width (Width + 1),
      .Stages(Stages)
  ) u_x (
      .clk_i,
      .en_i  (en[qfx_pkg::max_of(Stages, 1)-1:0]),
      .data_i({takes, x_data_i}),
      .data_o({taking, x})
  );
  qfx_regs #(
      .Width (1),
      .Stages(Latency)
  ) u_emitting (
      .clk_i,
      .en_i  (en),
      .data_i(emits),
      .data_o(emitting)
  );

  // The window: row kh is kept[kh*Kept +: Kept], its newest pixel the highest.

  logic shifts;
  logic [KH*Width-1:0] column;
  logic [KH*Kept-1:0] kept;
  logic [Window-1:0] window;
  assign shifts = moving[Stages] && taking;
  qfx_lines #(
      .Width(Width),
      .Depth(DH * W * Words),
      .Taps (KH)
  ) u_lines (
      .clk_i,
      .rst_ni,
      .read_i  (steps),
      .en_i    (en[qfx_pkg::min_of(1, Latency-1)]),
      .step_i  (shifts),
      .x_i     (x),
      .column_o(column)
  );
  genvar kh, kw;
  for (kh = 0; kh < KH; kh = kh + 1) begin : g_row
    logic [Kept-1:0] kept_q;
    if (Kept == Width) begin : g_word
      always_ff @(posedge clk_i) if (shifts) kept_q <= column[kh*Width+:Width];
    end else begin : g_words
      always_ff @(posedge clk_i) if (shifts) kept_q <= {column[kh*Width+:Width], kept_q[Kept-1:Width]};
    end
    assign kept[kh*Kept+:Kept] = kept_q;
    for (kw = 0; kw < KW; kw = kw + 1) begin : g_tap
      assign window[(kh*KW+kw)*Pixel+:Pixel] = kept_q[kw*DW*Pixel+:Pixel];
    end
  end

  if (Parts == 1) begin : g_whole
    assign y_data_o = window;
  end else begin : g_parts
    logic [PartBits-1:0] chosen;
    logic [Pe*XBits-1:0] y_q;
    qfx_regs #(
        .Width (PartBits),
        .Stages(Stages + 1)
    ) u_chosen (
        .clk_i,
        .en_i  (en[Stages:0]),
        .data_i(part),
        .data_o(chosen)
    );
    always_ff @(posedge clk_i) if (en[Latency-1]) y_q <= window[chosen*(Pe*XBits)+:Pe*XBits];
    assign y_data_o = y_q;
  end

  logic unused;
  assign unused = &{1'b0, word, pixel, row, part, part_last, kept, moving};

endmodule
