// y[oh][ow][(g,kh,kw,c)] = x[oh*SH + kh*DH][ow*SW + kw*DW][(g,c)]: all windows, one by one.
//
// A ring buffer holds Span + SH rows, Span = (KH-1)*DH + 1 being the rows that a window spans. The first
// phase reads Span rows; phase 1 + oh emits the windows of output row oh (loops: ow, g, kh, kw, word) and
// reads the next SH rows at the same time; the last phase reads what is left of the frame. Settle iterations
// follow what is read.
//
// The first stage says what an iteration does, the second one reads and writes the ring: in the order of the
// iterations, so that no word is overwritten too early. From one word to be emitted to the next one the
// address moves by one of seven constants. Latency: 1 + the stages of the memory.
`include "qfx_check.svh"

module qfx_window #(
    parameter int Simd = 0,
    parameter int H = 0,
    parameter int W = 0,
    parameter int Words = 0,
    parameter int KH = 0,
    parameter int KW = 0,
    parameter int SH = 0,
    parameter int SW = 0,
    parameter int DH = 0,
    parameter int DW = 0,
    parameter int Groups = 0,
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
    output logic [Simd*YBits-1:0] y_data_o,
    output logic [           0:0] y_valid_o,
    input  logic [           0:0] y_ready_i
);
  `QFX_REQUIRE(Simd >= 1 && Words % Groups == 0, "qfx_window: a word must not straddle groups")
  `QFX_REQUIRE(XBits == YBits && XSigned == YSigned, "qfx_window: the output is of the type of the input")
  `QFX_REQUIRE(OH >= 1 && OW >= 1 && (OH - 1) * SH + (KH - 1) * DH < H && (OW - 1) * SW + (KW - 1) * DW < W,
               "qfx_window: the windows lie inside the image")

  localparam int Settle = 4;
  localparam int Span = (KH - 1) * DH + 1;
  localparam int Row = W * Words;
  localparam int Ring = (Span + SH) * Row;
  localparam int GroupWords = Words / Groups;
  localparam int Emit = OW * KH * KW * Words;
  localparam int Rest = (H - Span - (OH - 1) * SH) * Row;
  // Iterations of the first phase, of those between, and of the last one.
  localparam int First = Span * Row + Settle;
  localparam int Phase = qfx_pkg::max_of(SH * Row + Settle, Emit);
  localparam int Last = qfx_pkg::max_of(Rest, Emit);
  localparam int CountBits = $clog2(qfx_pkg::max_of(First, qfx_pkg::max_of(Phase, Last)) + 1);

  localparam int LineBits = qfx_pkg::counter_bits(OH - 1);

  localparam int Stages = qfx_pkg::memory_stages(Ring, Simd * XBits);
  localparam int Latency = 1 + Stages;
  localparam int AddrBits = qfx_pkg::counter_bits(Ring - 1);

  // From the last word of a tap, a row of the window, .. to the first of the next one.
  localparam int NextTap = DW * Words - (GroupWords - 1);
  localparam int NextRow = DH * Row - (KW - 1) * DW * Words - (GroupWords - 1);
  localparam int NextGroup = 1 - (KW - 1) * DW * Words - (KH - 1) * DH * Row;
  localparam int NextWindow = NextGroup - Words + SW * Words;
  localparam int NextLine = NextWindow - OW * SW * Words + SH * Row;
  localparam int NextFrame = NextLine - OH * SH * Row + H * Row;

  function automatic [AddrBits-1:0] around(input int step);
    around = AddrBits'(((step % Ring) + Ring) % Ring);
  endfunction

  // The front: phases.

  logic [Latency-1:0] en, moving;
  logic ready, takes_q, emits_q, first_q, final_phase, phase_ends;
  logic [CountBits-1:0] count_q;
  logic [LineBits-1:0] line;

  assign x_ready_o = ready && takes_q;
  // The last iteration of a phase and the last one that reads are found one iteration ahead.
  logic read_ends, emit_ends, next_first, next_final;
  assign next_first = final_phase && !first_q;
  if (OH == 1) begin : g_next
    assign next_final = 1'b1;
  end else begin : g_next
    assign next_final = !first_q && line == LineBits'(OH - 2);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      phase_ends <= 1'b0;
      read_ends  <= Span * Row == 1;
    end else if (moving[0] && phase_ends) begin
      phase_ends <= !next_first && next_final && Last == 1;
      read_ends  <= next_first ? Span * Row == 1 : next_final ? Rest == 1 : SH * Row == 1;
    end else if (moving[0]) begin
      phase_ends <= count_q == (first_q ? CountBits'(First - 2) :
                                final_phase ? CountBits'(Last - 2) : CountBits'(Phase - 2));
      read_ends <= count_q == (first_q ? CountBits'(Span * Row - 2) :
                               final_phase ? CountBits'(Rest - 2) : CountBits'(SH * Row - 2));
    end
  end

  logic next_reads;  // whether the phase that comes next reads
  assign next_reads = next_first || !next_final || Rest > 0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      first_q <= 1'b1;
      takes_q <= 1'b1;
      emits_q <= 1'b0;
    end else if (moving[0]) begin
      if (phase_ends) begin
        count_q <= '0;
        first_q <= next_first;
        takes_q <= next_reads;
        emits_q <= !next_first;
      end else begin
        count_q <= count_q + 1'b1;
        if (read_ends) takes_q <= 1'b0;
        if (emit_ends) emits_q <= 1'b0;
      end
    end
  end
  qfx_counter #(
      .Last(OH - 1)
  ) u_line (
      .clk_i,
      .rst_ni,
      .step_i (moving[0] && phase_ends && !first_q),
      .count_o(line),
      .last_o (final_phase)
  );

  // The front: the word to emit.

  logic word_last, kw_last, kh_last, g_last, ow_last;
  logic tap_ends, row_ends, group_ends, window_ends, emits;
  logic [qfx_pkg::counter_bits(GroupWords-1)-1:0] word;
  logic [qfx_pkg::counter_bits(KW-1)-1:0] kw;
  logic [qfx_pkg::counter_bits(KH-1)-1:0] kh;
  logic [qfx_pkg::counter_bits(Groups-1)-1:0] g;
  logic [qfx_pkg::counter_bits(OW-1)-1:0] ow;
  assign emits = moving[0] && emits_q;
  assign tap_ends = word_last;
  assign row_ends = tap_ends && kw_last;
  assign group_ends = row_ends && kh_last;
  assign window_ends = group_ends && g_last;
  assign emit_ends = window_ends && ow_last && emits_q;

  qfx_counter #(
      .Last(GroupWords - 1)
  ) u_word (
      .clk_i,
      .rst_ni,
      .step_i (emits),
      .count_o(word),
      .last_o (word_last)
  );
  qfx_counter #(
      .Last(KW - 1)
  ) u_kw (
      .clk_i,
      .rst_ni,
      .step_i (emits && tap_ends),
      .count_o(kw),
      .last_o (kw_last)
  );
  qfx_counter #(
      .Last(KH - 1)
  ) u_kh (
      .clk_i,
      .rst_ni,
      .step_i (emits && row_ends),
      .count_o(kh),
      .last_o (kh_last)
  );
  qfx_counter #(
      .Last(Groups - 1)
  ) u_g (
      .clk_i,
      .rst_ni,
      .step_i (emits && group_ends),
      .count_o(g),
      .last_o (g_last)
  );
  qfx_counter #(
      .Last(OW - 1)
  ) u_ow (
      .clk_i,
      .rst_ni,
      .step_i (emits && window_ends),
      .count_o(ow),
      .last_o (ow_last)
  );

  // The pipeline.

  logic [Latency-1:0] emitting_q;  // by stage
  logic taking_q, valid;
  logic [AddrBits-1:0] step_q;
  logic [Simd*XBits-1:0] x_q;
  qfx_pipe #(
      .Stages(Latency)
  ) u_pipe (
      .clk_i,
      .rst_ni,
      .valid_i (x_valid_i[0] || !takes_q),
      .ready_o (ready),
      .en_o    (en),
      .moving_o(moving),
      .valid_o (valid),
      .ready_i (y_ready_i[0] || !emitting_q[Latency-1])
  );
  assign y_valid_o = valid && emitting_q[Latency-1];

  always_ff @(posedge clk_i) begin
    if (en[0]) begin
      x_q <= x_data_i;
      taking_q <= takes_q;
      emitting_q[0] <= emits_q;
      step_q <= !tap_ends ? around(1) : !row_ends ? around(NextTap) : !group_ends ? around(NextRow) :
                !window_ends ? around(NextGroup) : !ow_last ? around(NextWindow) :
                !final_phase ? around(NextLine) : around(NextFrame);
    end
  end
  genvar k;
  for (k = 1; k < Latency; k = k + 1) begin : g_emitting
    always_ff @(posedge clk_i) if (en[k]) emitting_q[k] <= emitting_q[k-1];
  end

  // The ring.

  logic [AddrBits-1:0] store, at_q, at_d;
  logic writes, reads, store_last;
  assign writes = moving[1] && taking_q;
  assign reads  = moving[1] && emitting_q[0];
  qfx_counter #(
      .Last(Ring - 1)
  ) u_store (
      .clk_i,
      .rst_ni,
      .step_i (writes),
      .count_o(store),
      .last_o (store_last)
  );
  if ((Ring & (Ring - 1)) == 0) begin : g_natural
    assign at_d = at_q + step_q;
  end else begin : g_around
    logic [AddrBits:0] sum, less;
    assign sum  = {1'b0, at_q} + {1'b0, step_q};
    assign less = sum - (AddrBits + 1)'(Ring);
    assign at_d = sum >= (AddrBits + 1)'(Ring) ? less[AddrBits-1:0] : sum[AddrBits-1:0];
    logic unused_less;
    assign unused_less = less[AddrBits];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) at_q <= '0;
    else if (reads) at_q <= at_d;
  end

  logic [Stages-1:0] ram_en;
  if (Stages == 2) begin : g_two
    assign ram_en = {en[2], reads};
  end else begin : g_one
    assign ram_en = reads;
  end
  qfx_ram #(
      .Width(Simd * XBits),
      .Depth(Ring)
  ) u_ring (
      .clk_i,
      .write_i     (writes),
      .write_addr_i(store),
      .write_data_i(x_q),
      .en_i        (ram_en),
      .addr_i      (at_q),
      .data_o      (y_data_o)
  );

  logic unused;
  assign unused = &{1'b0, line, word, kw, kh, g, ow, store_last, moving};

endmodule
