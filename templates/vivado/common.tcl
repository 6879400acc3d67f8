# What every script uses: paths, the configuration, the project's sources, failing with a message.
set here [file normalize [file dirname [info script]]]
set build [file join $here build]
set rtl [file normalize [file join $here .. rtl]]
source [file join $here config.tcl]

proc fail {what} {
  puts stderr "error: $what"
  exit 1
}

# The arguments of the Makefile: which core, how many jobs.
set core [expr {$argc > 0 ? [lindex $argv 0] : "rtl"}]
set jobs [expr {$argc > 1 ? [lindex $argv 1] : 4}]

# The SystemVerilog of the network, packages first, from rtl/files.f.
proc rtl_sources {} {
  global rtl
  set list [open [file join $rtl files.f]]
  set found {}
  foreach line [split [read $list] \n] {
    if {$line ne "" && ![string match //* $line] && ![string match +* $line]} {
      lappend found [file normalize [file join $rtl $line]]
    }
  }
  close $list
  return $found
}

proc rtl_headers {} {
  global rtl
  return [lsort [glob -nocomplain -directory [file join $rtl lib] *.svh]]
}

# Memories are read by file name; Vivado looks among the sources of type Memory File (UG901).
proc rtl_memories {} {
  global rtl
  return [lsort [glob -nocomplain -directory [file join $rtl mem] *.mem]]
}
