# From the packaged core to the bitstream: build/project, reports in build/, ../host/<top>.bit and .hwh.
source [file join [file dirname [info script]] common.tcl]

# Runs a run to its end, or to the end of a step; the status of a finished one says "Complete".
proc finish {run args} {
  global jobs
  launch_runs $run -jobs $jobs {*}$args
  wait_on_run $run
  set status [get_property STATUS [get_runs $run]]
  if {![string match *Complete* $status]} {
    fail "$run: $status; see [get_property DIRECTORY [get_runs $run]]/runme.log"
  }
}

create_project -force project [file join $build project] -part $part

# The newest version of the board files that is installed.
set boards [lsort -dictionary [get_board_parts -quiet $board_parts]]
if {[llength $boards] == 0} {
  fail "no board files match $board_parts: install them (Vivado: Tools, Vivado Store, Boards)"
}
set_property board_part [lindex $boards end] [current_project]

if {$core eq "hls"} {
  set repository [file join $build hls_ip]
  file delete -force $repository
  file mkdir $repository
  set_property ip_repo_paths [list $repository] [current_project]
  update_ip_catalog -rebuild
  update_ip_catalog -add_ip [file join $here .. hls $top.zip] -repo_path $repository
} else {
  set_property ip_repo_paths [list [file join $build ip]] [current_project]
  update_ip_catalog -rebuild
}

add_files -norecurse [list [file join $here src qfx_batch.sv] [file join $here src qfx_check.svh]]
foreach entry $outputs {
  add_files -norecurse [file join $here src [lindex $entry 0]_batch_block.v]
}
update_compile_order -fileset sources_1

source [file join $here design.tcl]
set wrapper [make_wrapper -files [get_files system.bd] -top]
add_files -norecurse $wrapper
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

finish synth_1
finish impl_1 -to_step route_design

open_run impl_1
report_utilization -file [file join $build utilization.rpt]
report_utilization -hierarchical -file [file join $build hierarchy.rpt]
report_timing_summary -file [file join $build timing.rpt]
report_power -file [file join $build power.rpt]
foreach {kind type} {setup max hold min} {
  set slack [get_property SLACK [lindex [get_timing_paths -delay_type $type] 0]]
  puts "$kind slack: $slack ns"
  if {$slack < 0} {
    fail "timing is not met: $kind slack $slack ns at $clock_mhz MHz; see build/timing.rpt, or compile\
with a lower --clock"
  }
}
close_design
finish impl_1 -to_step write_bitstream

# The hand-off file lies in project.gen since Vivado 2020.2, in project.srcs before.
set bits [glob -nocomplain -directory [file join $build project project.runs impl_1] *.bit]
set handoffs [glob -nocomplain -directory [file join $build project] \
  project.gen/sources_1/bd/system/hw_handoff/system.hwh \
  project.srcs/sources_1/bd/system/hw_handoff/system.hwh]
if {[llength $bits] == 0 || [llength $handoffs] == 0} {
  fail "Vivado wrote no bitstream or no .hwh below [file join $build project]"
}
set host [file normalize [file join $here .. host]]
file copy -force [lindex $bits 0] [file join $host $top.bit]
file copy -force [lindex $handoffs 0] [file join $host $top.hwh]
puts "bitstream: [file join $host $top.bit]"
