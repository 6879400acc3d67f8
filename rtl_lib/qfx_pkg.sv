// Constant functions that every kernel shares.
package qfx_pkg;

  function automatic int max_of(input int a, input int b);
    max_of = a > b ? a : b;
  endfunction

  function automatic int min_of(input int a, input int b);
    min_of = a < b ? a : b;
  endfunction

  // Bits of a counter that takes the values 0..last, at least one.
  function automatic int counter_bits(input int last);
    counter_bits = last < 1 ? 1 : $clog2(last + 1);
  endfunction

  // Radix-4 Booth digits of a number of so many bits.
  function automatic int booth_rows(input int bits, input int is_signed);
    booth_rows = is_signed != 0 ? (bits + 1) / 2 : bits / 2 + 1;
  endfunction

  // Stages of qfx_product_lut: two additions each.
  function automatic int booth_stages(input int slots, input int rows);
    booth_stages = max_of(slots * rows / 2, 1);
  endfunction

  // Bits of the running sum of qfx_product_lut above the finished ones, after term `last`: -most..most - 1,
  // where every multiple adds up to 2**wide and a quarter of the sum is carried from row to row.
  function automatic int booth_width(input int last, input int slots, input int bits, input int is_signed);
    longint most;
    most = 0;
    for (int t = 0; t <= last; t = t + 1) begin
      if (t != 0 && t % slots == 0) most = (most + 3) / 4;
      most = most + (64'sd1 <<< (bits + (is_signed != 0 ? 0 : 1)));
    end
    booth_width = $clog2(most) + 1;
  endfunction

  function automatic int booth_bits(input int slots, input int rows, input int bits, input int is_signed);
    booth_bits = booth_width(slots * rows - 1, slots, bits, is_signed) + 2 * (rows - 1);
  endfunction

  // Whether a product of LUTs is cheaper with x as the number that is recoded than with w.
  function automatic int booth_swaps(input int xb, input int xs, input int wb, input int ws);
    booth_swaps = booth_rows(xb, xs) * (wb + 2 - ws) < booth_rows(wb, ws) * (xb + 2 - xs) ? 1 : 0;
  endfunction

  // Lanes of one chain of qfx_product_lut: about eight multiples.
  function automatic int booth_slots(input int simd, input int rows);
    booth_slots = min_of(simd, max_of(8 / rows, 1));
  endfunction

  // Bits of a signed number that holds a product.
  function automatic int product_bits(input int xb, input int xs, input int wb, input int ws);
    product_bits = xb + wb + (xs == 0 && ws == 0 ? 1 : 0);
  endfunction

  // Products of one x that share a DSP48E2, 27 x 18 bits: x on the narrow side, `pack` weights on the wide
  // one, in fields that hold a product each; the highest weight takes a bit more, for the borrow.
  function automatic int dsp_pack(input int pe, input int xb, input int xs, input int wb, input int ws);
    dsp_pack = pe;
    if (xb + 1 - xs > 18) dsp_pack = 1;
    else if (26 - wb < product_bits(xb, xs, wb, ws)) dsp_pack = 1;
    else dsp_pack = min_of(pe, 1 + (26 - wb) / product_bits(xb, xs, wb, ws));
  endfunction

  // Bits from one weight of a DSP to the next.
  function automatic int dsp_field(input int pack, input int wb);
    dsp_field = pack < 2 ? 0 : (26 - wb) / (pack - 1);
  endfunction

  // Products added up inside the DSPs: a power of two whose sum the fields hold, at most 4.
  function automatic int dsp_slots(input int simd, input int pack, input int xb, input int xs, input int wb,
                                   input int ws);
    int guard;
    guard = pack < 2 ? 2 : min_of(dsp_field(pack, wb) - product_bits(xb, xs, wb, ws), 2);
    dsp_slots = min_of(simd, 1 << guard);
  endfunction

  // Latency of qfx_dot.
  function automatic int dot_stages(input int fabric, input int simd, input int pe, input int xb,
                                    input int xs, input int wb, input int ws);
    int rows;
    int slots;
    if (fabric != 0) begin
      rows = booth_swaps(xb, xs, wb, ws) != 0 ? booth_rows(xb, xs) : booth_rows(wb, ws);
      slots = booth_slots(simd, rows);
      dot_stages = booth_stages(slots, rows) + $clog2((simd + slots - 1) / slots);
    end else begin
      slots = dsp_slots(simd, dsp_pack(pe, xb, xs, wb, ws), xb, xs, wb, ws);
      dot_stages = 2 + (slots > 1 ? slots : 0) + $clog2((simd + slots - 1) / slots);
    end
  endfunction

  // Bits of the results of qfx_dot.
  function automatic int dot_bits(input int fabric, input int simd, input int pe, input int xb, input int xs,
                                  input int wb, input int ws);
    int rows;
    int slots;
    if (fabric != 0) begin
      rows = booth_swaps(xb, xs, wb, ws) != 0 ? booth_rows(xb, xs) : booth_rows(wb, ws);
      slots = booth_slots(simd, rows);
      dot_bits = booth_bits(slots, rows, xb, xs);
      if (booth_swaps(xb, xs, wb, ws) != 0) dot_bits = booth_bits(slots, rows, wb, ws);
    end else begin
      slots = dsp_slots(simd, dsp_pack(pe, xb, xs, wb, ws), xb, xs, wb, ws);
      dot_bits = product_bits(xb, xs, wb, ws) + $clog2(slots);
    end
    dot_bits = dot_bits + $clog2((simd + slots - 1) / slots);
  endfunction

  // Places of one term of a weight whose terms have `shifts` places in all: terms are two places apart.
  function automatic int shift_span(input int terms, input int shifts);
    shift_span = terms == 1 ? shifts : max_of(shifts - 2 * (terms - 1), 2);
  endfunction

  // Places before the adder; the other ones are moved by as many inside it.
  function automatic int shift_fine(input int span);
    shift_fine = (span + 1) / 2;
  endfunction

  // Bits of a term's code: the place, whether there is one if no place is left to say so, the sign.
  function automatic int shift_code(input int span);
    int fine;
    fine = shift_fine(span);
    shift_code = $clog2(fine) + (span > 1 ? 1 : 0) + (1 << $clog2(fine) == fine ? 1 : 0) + 1;
  endfunction

  // Stages of qfx_product_shift: one that moves, then two additions each.
  function automatic int shift_chain(input int slots, input int terms, input int span);
    shift_chain = (span > 2 ? 1 : 0) + booth_stages(slots, terms);
  endfunction

  // Bits of a result of qfx_product_shift.
  function automatic int shift_bits(input int slots, input int terms, input int span, input int xb,
                                    input int xs);
    shift_bits = booth_bits(slots, terms, xb + span - 2, xs);
  endfunction

  // Lanes of a chain of qfx_product_shift: at most ten terms, and all chains about as long.
  function automatic int shift_slots(input int simd, input int terms);
    int chains;
    chains = max_of((simd * terms + 9) / 10, 1);
    shift_slots = (simd + chains - 1) / chains;
  endfunction

  // Latency of qfx_dot_shift.
  function automatic int shift_stages(input int simd, input int terms, input int shifts);
    int slots;
    slots = shift_slots(simd, terms);
    shift_stages = shift_chain(slots, terms, shift_span(terms, shifts)) + $clog2((simd + slots - 1) / slots);
  endfunction

  // Bits of the results of qfx_dot_shift.
  function automatic int shift_sum(input int simd, input int terms, input int shifts, input int xb,
                                   input int xs);
    int slots;
    slots = shift_slots(simd, terms);
    shift_sum = shift_bits(slots, terms, shift_span(terms, shifts), xb, xs)
                + $clog2((simd + slots - 1) / slots);
  endfunction

  // Read stages of a memory: one if it is small enough for LUTs (as hw/cost.py counts), with the output
  // register that a block memory needs to be fast two.
  function automatic int memory_stages(input int depth, input int width);
    memory_stages = depth <= 32 || depth * width <= 4096 ? 1 : 2;
  endfunction

  // Stages before the words of qfx_lines are there: none if they come out of distributed memory.
  function automatic int lines_stages(input int width, input int depth, input int taps);
    lines_stages = taps == 1 || memory_stages(depth, (taps - 1) * width) == 1 ? 0 : 2;
  endfunction

endpackage
