// Makes packets of whole batches out of packets of one frame: passes the stream through and keeps TLAST on
// the last word of every FRAMES-th frame only, so that one DMA transfer moves a batch. The stream is wires.
//
// Latency: 0.
//
// AXI4-Lite registers (32 bits, byte strobes honoured; 4 KiB, the least that address maps assign):
//   0x0 FRAMES  rw  frames per batch, 1 after reset. A write counts from the next batch on: at once unless a
//                   batch is under way or a word of it waits. Writing 0 changes nothing: SLVERR.
//   0x4 LEFT    ro  frames of the batch under way whose last word has not passed. Writing: SLVERR.
// Anything else is answered with SLVERR and reads as 0.
`include "qfx_check.svh"

module qfx_batch #(
    parameter int Bytes = 0
) (
    input logic aclk,
    input logic aresetn,

    input  logic [11:0] s_axi_awaddr,
    input  logic        s_axi_awvalid,
    output logic        s_axi_awready,
    input  logic [31:0] s_axi_wdata,
    input  logic [ 3:0] s_axi_wstrb,
    input  logic        s_axi_wvalid,
    output logic        s_axi_wready,
    output logic [ 1:0] s_axi_bresp,
    output logic        s_axi_bvalid,
    input  logic        s_axi_bready,
    input  logic [11:0] s_axi_araddr,
    input  logic        s_axi_arvalid,
    output logic        s_axi_arready,
    output logic [31:0] s_axi_rdata,
    output logic [ 1:0] s_axi_rresp,
    output logic        s_axi_rvalid,
    input  logic        s_axi_rready,

    input  logic [8*Bytes-1:0] s_axis_tdata,
    input  logic               s_axis_tvalid,
    output logic               s_axis_tready,
    input  logic               s_axis_tlast,

    output logic [8*Bytes-1:0] m_axis_tdata,
    output logic               m_axis_tvalid,
    input  logic               m_axis_tready,
    output logic               m_axis_tlast
);
  `QFX_REQUIRE(Bytes >= 1, "qfx_batch: Bytes is at least 1")

  localparam logic [1:0] Okay = 2'b00;
  localparam logic [1:0] SlvErr = 2'b10;

  logic [31:0] frames_q, left_q;
  logic idle_q;  // no word of a batch has passed since the last one ended

  // The stream.

  logic moves, frame_ends, batch_ends;
  assign moves = s_axis_tvalid && m_axis_tready;
  assign frame_ends = moves && s_axis_tlast;
  assign batch_ends = frame_ends && m_axis_tlast;

  assign m_axis_tdata = s_axis_tdata;
  assign m_axis_tvalid = s_axis_tvalid;
  assign m_axis_tlast = s_axis_tlast && left_q == 32'd1;
  assign s_axis_tready = m_axis_tready;

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      left_q <= 32'd1;
      idle_q <= 1'b1;
    end else begin
      // A waiting word keeps the TLAST that it is offered with, so FRAMES is taken over between batches only.
      if (batch_ends || (idle_q && !s_axis_tvalid)) left_q <= frames_q;
      else if (frame_ends) left_q <= left_q - 32'd1;
      if (moves) idle_q <= batch_ends;
    end
  end

  // Writes: address and data come in any order, each is held until both are there.

  logic aw_held_q, w_held_q;
  logic [11:0] awaddr_q;
  logic [ 3:0] wstrb_q;
  logic [31:0] wdata_q, merged;
  logic performs, accepted;

  assign s_axi_awready = !aw_held_q;
  assign s_axi_wready  = !w_held_q;
  assign performs = aw_held_q && w_held_q && !s_axi_bvalid;
  assign accepted = awaddr_q[11:2] == '0 && merged != '0;

  genvar i;
  for (i = 0; i < 4; i = i + 1) begin : g_byte
    assign merged[8*i+:8] = wstrb_q[i] ? wdata_q[8*i+:8] : frames_q[8*i+:8];
  end

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      aw_held_q <= 1'b0;
      w_held_q <= 1'b0;
      s_axi_bvalid <= 1'b0;
      frames_q <= 32'd1;
    end else begin
      if (performs) aw_held_q <= 1'b0;
      else if (s_axi_awvalid) aw_held_q <= 1'b1;
      if (performs) w_held_q <= 1'b0;
      else if (s_axi_wvalid) w_held_q <= 1'b1;
      if (performs) s_axi_bvalid <= 1'b1;
      else if (s_axi_bready) s_axi_bvalid <= 1'b0;
      if (performs && accepted) frames_q <= merged;
    end
    if (!aw_held_q) awaddr_q <= s_axi_awaddr;
    if (!w_held_q) {wstrb_q, wdata_q} <= {s_axi_wstrb, s_axi_wdata};
    if (performs) s_axi_bresp <= accepted ? Okay : SlvErr;
  end

  // Reads.

  logic takes_read;
  assign s_axi_arready = !s_axi_rvalid;
  assign takes_read = s_axi_arvalid && s_axi_arready;

  always_ff @(posedge aclk) begin
    if (!aresetn) s_axi_rvalid <= 1'b0;
    else if (takes_read) s_axi_rvalid <= 1'b1;
    else if (s_axi_rready) s_axi_rvalid <= 1'b0;
    if (takes_read) begin
      s_axi_rresp <= s_axi_araddr[11:3] != '0 ? SlvErr : Okay;
      s_axi_rdata <= s_axi_araddr[11:3] != '0 ? '0 : s_axi_araddr[2] ? left_q : frames_q;
    end
  end

  logic unused;
  assign unused = &{1'b0, s_axi_araddr[1:0], awaddr_q[1:0]};

endmodule
