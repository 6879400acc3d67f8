# Synthesises the network alone, out of context: utilisation and timing before placement, in build/ooc_*.rpt.
source [file join [file dirname [info script]] common.tcl]

read_verilog -sv [rtl_sources]
foreach memory [rtl_memories] {
  read_mem $memory
}
read_xdc -mode out_of_context [file join $here ooc.xdc]
synth_design -top $top -part $part -mode out_of_context -include_dirs [file join $rtl lib]
report_utilization -file [file join $build ooc_utilization.rpt]
report_utilization -hierarchical -file [file join $build ooc_hierarchy.rpt]
report_timing_summary -file [file join $build ooc_timing.rpt]
write_checkpoint -force [file join $build ooc.dcp]

puts [report_utilization -return_string]
set paths [get_timing_paths -delay_type max]
if {[llength $paths] > 0} {
  puts "slack before placement at $clock_mhz MHz: [get_property SLACK [lindex $paths 0]] ns"
}
