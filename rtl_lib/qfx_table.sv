// y = values[c][x - XLo].
//
// One word per iteration; every lane has a memory of its own, its column of the file. Stages: the address,
// the memory. Latency: 1 + memory_stages of a lane's memory.
`include "qfx_check.svh"

module qfx_table #(
    parameter int Lanes = 0,
    parameter int Words = 0,
    parameter int Size = 0,
    parameter signed [63:0] XLo = 0,
    parameter int VPeriod = 0,
    parameter int XBits = 0,
    parameter int XSigned = 0,
    parameter int YBits = 0,
    parameter int YSigned = 0,
    parameter ValuesFile = ""
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
  `QFX_REQUIRE(Lanes >= 1 && Words >= 1 && Size >= 1 && VPeriod >= 1, "qfx_table: illegal counts")
  `QFX_REQUIRE(XBits >= 1 && YBits >= 1 && YSigned >= 0, "qfx_table: a type is missing")

  localparam int Rows = VPeriod * Size;
  localparam int Bits = qfx_pkg::counter_bits(Rows - 1);
  localparam int Read = qfx_pkg::memory_stages(Rows, YBits);
  localparam int Latency = 1 + Read;

  logic [Latency-1:0] en, moving;
  logic [qfx_pkg::counter_bits(VPeriod-1)-1:0] p;
  logic [Bits-1:0] base_q;
  logic last, unused;
  assign unused = &{1'b0, moving, p};

  qfx_pipe #(.Stages(Latency)) u_pipe (
      .clk_i, .rst_ni, .valid_i(x_valid_i[0]), .ready_o(x_ready_o[0]), .en_o(en), .moving_o(moving),
      .valid_o(y_valid_o[0]), .ready_i(y_ready_i[0]));
  qfx_counter #(.Last(VPeriod - 1)) u_p (
      .clk_i, .rst_ni, .step_i(moving[0]), .count_o(p), .last_o(last));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) base_q <= '0;
    else if (moving[0]) base_q <= last ? '0 : base_q + Bits'(Size);
  end

  genvar l;
  for (l = 0; l < Lanes; l = l + 1) begin : g_lane
    logic [Bits-1:0] index, row_q;
    logic [Lanes*YBits-1:0] word;
    logic unused_columns;
    if (XSigned != 0) begin : g_signed
      assign index = Bits'($signed(x_data_i[l*XBits+:XBits])) - Bits'(XLo);
    end else begin : g_unsigned
      assign index = Bits'(x_data_i[l*XBits+:XBits]) - Bits'(XLo);
    end
    always_ff @(posedge clk_i) if (en[0]) row_q <= base_q + index;
    qfx_rom #(.Width(Lanes * YBits), .Depth(Rows), .Stages(Read), .Whole(0), .File(ValuesFile)) u_values (
        .clk_i, .en_i(en[Latency-1:1]), .addr_i(row_q), .data_o(word));
    assign y_data_o[l*YBits+:YBits] = word[l*YBits+:YBits];
    assign unused_columns = &{1'b0, word};
  end

endmodule
