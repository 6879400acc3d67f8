# The block design "system": processing system, DMA engines, the network, and for every output qfx_batch.
#
#   memory <- M_AXI DMA MM2S -> [width] -> network -> qfx_batch -> [width] -> DMA S2MM -> memory
#
# Pins and parameters are those of the product guides: AXI DMA PG021, AXI4-Stream infrastructure PG085,
# SmartConnect PG247, Processor System Reset PG164, Zynq UltraScale+ MPSoC PG201, Processing System 7 PG082.
source [file join $here ps.tcl]

# A cell of the newest version of an IP that is installed.
proc cell {name ip args} {
  set known [lsort -dictionary [get_ipdefs *:$ip:*]]
  if {[llength $known] == 0} {
    fail "the IP $ip is not in the catalog"
  }
  create_bd_cell -type ip -vlnv [lindex $known end] $name
  if {[llength $args] > 0} {
    set_property -dict $args [get_bd_cells $name]
  }
}

# Clock pins join the one clock, reset pins the one reset.
proc clocked {name clocks resets} {
  foreach pin $clocks {
    connect_bd_net [get_bd_pins $::clock] [get_bd_pins $name/$pin]
  }
  foreach pin $resets {
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $name/$pin]
  }
}

proc link {from to} {
  connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

# One SmartConnect; returns its single port. Side "M": its ports lead to the ends; "S": they come from them.
proc hub {name side ends} {
  set count [llength $ends]
  if {$side eq "M"} {
    cell $name smartconnect CONFIG.NUM_SI 1 CONFIG.NUM_MI $count
  } else {
    cell $name smartconnect CONFIG.NUM_SI $count CONFIG.NUM_MI 1
  }
  clocked $name aclk aresetn
  for {set i 0} {$i < $count} {incr i} {
    set port [format "%s/%s%02d_AXI" $name $side $i]
    if {$side eq "M"} {
      link $port [lindex $ends $i]
    } else {
      link [lindex $ends $i] $port
    }
  }
  return $name/[expr {$side eq "M" ? "S00_AXI" : "M00_AXI"}]
}

# A tree of them, as one has at most 16 ports a side.
proc hubs {name side ends} {
  while {[llength $ends] > 16} {
    set groups {}
    for {set i 0} {$i < [llength $ends]} {incr i 16} {
      lappend groups [hub ${name}_[llength $ends]_$i $side [lrange $ends $i [expr {$i + 15}]]]
    }
    set ends $groups
  }
  return [hub $name $side $ends]
}

# A width converter where two streams differ. Every DMA transfer is whole beats, so TKEEP is all ones.
proc convert {name from from_bytes to to_bytes} {
  if {$from_bytes == $to_bytes} {
    link $from $to
    return
  }
  cell $name axis_dwidth_converter CONFIG.S_TDATA_NUM_BYTES $from_bytes CONFIG.M_TDATA_NUM_BYTES $to_bytes \
    CONFIG.HAS_TLAST 1
  clocked $name aclk aresetn
  link $from $name/S_AXIS
  link $name/M_AXIS $to
}

# A DMA engine in one direction ("mm2s", "s2mm"): simple mode, transfers of up to 2^26 - 1 bytes. The memory
# side is as wide as the stream, at least 32 bits; buffers are page-aligned, so no realignment engine.
proc dma {name direction bytes} {
  set bits [expr {8 * $bytes}]
  set other [expr {$direction eq "mm2s" ? "s2mm" : "mm2s"}]
  set stream [expr {$direction eq "mm2s" ? "c_m_axis_mm2s_tdata_width" : "c_s_axis_s2mm_tdata_width"}]
  cell $name axi_dma \
    CONFIG.c_include_sg 0 CONFIG.c_sg_include_stscntrl_strm 0 CONFIG.c_sg_length_width 26 \
    CONFIG.c_include_$direction 1 CONFIG.c_include_$other 0 CONFIG.c_addr_width $::ps_address_bits \
    CONFIG.c_m_axi_${direction}_data_width [expr {max($bits, 32)}] CONFIG.$stream $bits \
    CONFIG.c_${direction}_burst_size 16 CONFIG.c_include_${direction}_dre 0
  clocked $name [list s_axi_lite_aclk m_axi_${direction}_aclk] axi_resetn
}

create_bd_design system
ps_create $clock_mhz $memory_bits
set clock ps/$ps_clock
cell reset proc_sys_reset
connect_bd_net [get_bd_pins $clock] [get_bd_pins reset/slowest_sync_clk]
connect_bd_net [get_bd_pins ps/$ps_reset] [get_bd_pins reset/ext_reset_in]
clocked ps $ps_axi_clocks {}

cell network $top
if {$core eq "hls"} {
  clocked network ap_clk ap_rst_n
} else {
  clocked network aclk aresetn
}

set registers {}
set readers {}
set writers {}
foreach entry $inputs {
  lassign $entry port bytes dma_bytes
  dma ${port}_dma mm2s $dma_bytes
  convert ${port}_width ${port}_dma/M_AXIS_MM2S $dma_bytes network/$port $bytes
  lappend registers ${port}_dma/S_AXI_LITE
  lappend readers ${port}_dma/M_AXI_MM2S
}
foreach entry $outputs {
  lassign $entry port bytes dma_bytes
  dma ${port}_dma s2mm $dma_bytes
  create_bd_cell -type module -reference ${port}_batch_block ${port}_batch
  clocked ${port}_batch aclk aresetn
  link network/$port ${port}_batch/s_axis
  convert ${port}_width ${port}_batch/m_axis $bytes ${port}_dma/S_AXIS_S2MM $dma_bytes
  lappend registers ${port}_dma/S_AXI_LITE ${port}_batch/s_axi
  lappend writers ${port}_dma/M_AXI_S2MM
}
link ps/$ps_control [hubs control M $registers]
link [hubs reading S $readers] ps/$ps_read
link [hubs writing S $writers] ps/$ps_write

assign_bd_address
validate_bd_design
save_bd_design
