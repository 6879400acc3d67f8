// A FIFO beside a model of what docs/rtl.md promises of it, cycle by cycle, under changing pressure from both sides.
module fifo_check #(
    parameter int Width = 0,
    parameter int Depth = 0,
    parameter int Block = 0
) (
    input logic clk_i,
    input logic rst_ni
);
  localparam int Latency = 1 + Block;
  localparam int Phase = 2 * Depth + 20;  // cycles of one kind of pressure

  logic [Width-1:0] x_data, y_data;
  logic x_valid, x_ready, y_valid, y_ready;
  qfx_fifo #(
      .Width(Width),
      .Depth(Depth),
      .Block(Block)
  ) u_fifo (
      .clk_i,
      .rst_ni,
      .x_data_i (x_data),
      .x_valid_i(x_valid),
      .x_ready_o(x_ready),
      .y_data_o (y_data),
      .y_valid_o(y_valid),
      .y_ready_i(y_ready)
  );

  logic [Width-1:0] words[0:Depth-1];
  int since[0:Depth-1];  // from when on a word is visible
  int written, read, cycle, fullest, errors, streak, longest;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {written, read, cycle, fullest, errors, streak, longest} <= '0;
      x_valid <= 1'b0;
      y_ready <= 1'b0;
    end else begin
      cycle <= cycle + 1;
      if (x_ready != (written - read < Depth)) errors <= errors + 1;
      if (y_valid != (written > read && since[read%Depth] <= cycle)) errors <= errors + 1;
      if (y_valid && y_data != words[read%Depth]) errors <= errors + 1;
      if (written - read > fullest) fullest <= written - read;
      streak <= y_valid && y_ready ? streak + 1 : 0;
      if (streak > longest) longest <= streak;
      if (x_valid && x_ready) begin
        words[written%Depth] <= x_data;
        since[written%Depth] <= cycle + Latency;
        written <= written + 1;
      end
      if (y_valid && y_ready) read <= read + 1;
      // Both run, the reader stops, the writer stops, both stall now and then.
      case ((cycle / Phase) % 4)
        0: {x_valid, y_ready} <= 2'b11;
        1: {x_valid, y_ready} <= {1'b1, $urandom_range(15) == 0};
        2: {x_valid, y_ready} <= {$urandom_range(15) == 0, 1'b1};
        default: {x_valid, y_ready} <= 2'($urandom);
      endcase
    end
    for (int i = 0; i < Width; i++) x_data[i] <= $urandom_range(1) == 1;
  end

  // The words that moved one per cycle show the rate: with one word there is a cycle in between.
  final
    $display("%0d %0d %0d %0d %0d %0d", Width, Depth, Block, errors, fullest,
             longest >= (Depth == 1 ? 0 : Depth + 10));

endmodule
