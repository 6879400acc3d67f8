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

endpackage
