// Keeps the words of x whose index j on every axis has A <= j < B and (j - A) mod S = 0.
//
// One word read per iteration. Wires, and counters that say which words are kept: latency 0.
`include "qfx_check.svh"

module qfx_slice #(
    parameter int Lanes = 0,
    parameter int D0 = 0,
    parameter int D1 = 0,
    parameter int D2 = 0,
    parameter int D3 = 0,
    parameter int A0 = 0,
    parameter int A1 = 0,
    parameter int A2 = 0,
    parameter int A3 = 0,
    parameter int B0 = 0,
    parameter int B1 = 0,
    parameter int B2 = 0,
    parameter int B3 = 0,
    parameter int S0 = 0,
    parameter int S1 = 0,
    parameter int S2 = 0,
    parameter int S3 = 0,
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
  `QFX_REQUIRE(Lanes >= 1 && XBits == YBits && XSigned == YSigned,
               "qfx_slice: the output is of the type of the input")

  localparam int Latency = 0;

  logic [3:0] kept, wraps;  // by axis
  logic keep, fire, unused;
  assign unused = &{1'b0, wraps, Latency != 0};
  assign keep = &kept;
  assign fire = x_valid_i[0] && x_ready_o[0];
  assign x_ready_o = y_ready_i[0] || !keep;
  assign y_valid_o = x_valid_i[0] && keep;
  assign y_data_o = x_data_i;

  qfx_stride #(
      .Count(D3),
      .First(A3),
      .Stop (B3),
      .Step (S3)
  ) u_axis3 (
      .clk_i,
      .rst_ni,
      .step_i(fire),
      .last_o(wraps[3]),
      .kept_o(kept[3])
  );
  qfx_stride #(
      .Count(D2),
      .First(A2),
      .Stop (B2),
      .Step (S2)
  ) u_axis2 (
      .clk_i,
      .rst_ni,
      .step_i(fire && wraps[3]),
      .last_o(wraps[2]),
      .kept_o(kept[2])
  );
  qfx_stride #(
      .Count(D1),
      .First(A1),
      .Stop (B1),
      .Step (S1)
  ) u_axis1 (
      .clk_i,
      .rst_ni,
      .step_i(fire && &wraps[3:2]),
      .last_o(wraps[1]),
      .kept_o(kept[1])
  );
  qfx_stride #(
      .Count(D0),
      .First(A0),
      .Stop (B0),
      .Step (S0)
  ) u_axis0 (
      .clk_i,
      .rst_ni,
      .step_i(fire && &wraps[3:1]),
      .last_o(wraps[0]),
      .kept_o(kept[0])
  );

endmodule
