# Zynq-7000 (PG082): GP0 for registers, HP0 to read and HP1 to write memory.
set ps_clock FCLK_CLK0
set ps_reset FCLK_RESET0_N
set ps_control M_AXI_GP0
set ps_read S_AXI_HP0
set ps_write S_AXI_HP1
set ps_axi_clocks {M_AXI_GP0_ACLK S_AXI_HP0_ACLK S_AXI_HP1_ACLK}
set ps_address_bits 32

# The cell ps with the board's preset, its fabric clock 0 as near to mhz as the dividers allow.
proc ps_create {mhz bits} {
  cell ps processing_system7
  apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
    -config {make_external "FIXED_IO, DDR" apply_board_preset "1" Master "Disable" Slave "Disable"} \
    [get_bd_cells ps]
  set_property -dict [list \
    CONFIG.PCW_EN_CLK0_PORT 1 CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $mhz \
    CONFIG.PCW_USE_M_AXI_GP0 1 \
    CONFIG.PCW_USE_S_AXI_HP0 1 CONFIG.PCW_S_AXI_HP0_DATA_WIDTH $bits \
    CONFIG.PCW_USE_S_AXI_HP1 1 CONFIG.PCW_S_AXI_HP1_DATA_WIDTH $bits] [get_bd_cells ps]
  set got [get_property CONFIG.PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ [get_bd_cells ps]]
  puts "clock: $mhz MHz asked for, $got MHz made"
}
