# Packages the network in SystemVerilog as an IP: build/ip.  vivado -mode batch -source ip.tcl
source [file join [file dirname [info script]] common.tcl]

create_project -force package [file join $build package] -part $part
add_files -norecurse [concat [rtl_sources] [rtl_headers] [list [file join $here src ${top}_ip.v]]]
foreach memory [rtl_memories] {
  add_files -norecurse $memory
  set_property file_type {Memory File} [get_files $memory]
}
add_files -fileset constrs_1 -norecurse [file join $here ooc.xdc]
set_property USED_IN {synthesis out_of_context} [get_files [file join $here ooc.xdc]]
set_property top ${top}_ip [current_fileset]
update_compile_order -fileset sources_1

file delete -force [file join $build ip]
ipx::package_project -root_dir [file join $build ip] -vendor qfxc -library network -taxonomy /UserIP \
  -import_files -force
set ip [ipx::current_core]
set_property name $top $ip
set_property display_name $top $ip
set_property description "The network $top, compiled by qfxc" $ip
set_property version 1.0 $ip

# The clock is whatever the design connects; without this, 100 MHz would be checked for.
set_property ipi_drc {ignore_freq_hz true} $ip

# The attributes in the top have to have been understood.
set wanted {aclk aresetn}
foreach entry [concat $inputs $outputs] {
  lappend wanted [lindex $entry 0]
}
foreach name $wanted {
  if {[llength [ipx::get_bus_interfaces -quiet $name -of_objects $ip]] != 1} {
    fail "the packager did not infer the interface $name of $top"
  }
}
ipx::create_xgui_files $ip
ipx::update_checksums $ip
ipx::save_core $ip
close_project
puts "packaged: [file join $build ip]"
