// Stages registers in a row, stage k under en_i[k]; none: wires. What travels beside the stages of a
// pipeline.
module qfx_regs #(
    parameter int Width  = 0,
    parameter int Stages = 0,
    localparam int Enables = qfx_pkg::max_of(Stages, 1)
) (
    input  logic               clk_i,
    input  logic [Enables-1:0] en_i,
    input  logic [  Width-1:0] data_i,
    output logic [  Width-1:0] data_o
);
  if (Stages == 0) begin : g_wires
    assign data_o = data_i;
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end else begin : g_registers
    logic [Width*Stages-1:0] data_q;
    always_ff @(posedge clk_i) if (en_i[0]) data_q[0+:Width] <= data_i;
    genvar k;
    for (k = 1; k < Stages; k = k + 1) begin : g_stage
      always_ff @(posedge clk_i) if (en_i[k]) data_q[k*Width+:Width] <= data_q[(k-1)*Width+:Width];
    end
    assign data_o = data_q[(Stages-1)*Width+:Width];
  end
endmodule
