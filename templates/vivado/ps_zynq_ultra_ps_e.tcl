# Zynq UltraScale+ MPSoC (PG201): HPM0 for registers, HP0 to read and HP1 to write memory.
set ps_clock pl_clk0
set ps_reset pl_resetn0
set ps_control M_AXI_HPM0_FPD
set ps_read S_AXI_HP0_FPD
set ps_write S_AXI_HP1_FPD
set ps_axi_clocks {maxihpm0_fpd_aclk saxihp0_fpd_aclk saxihp1_fpd_aclk}
set ps_address_bits 40 ;# memory above 2 GB lies at 0x8_0000_0000 (UG1085, "System Addresses")

# The cell ps with the board's preset, its PL clock 0 as near to mhz as the dividers allow. In parameters, HP0
# and HP1 are called S_AXI_GP2 and GP3.
proc ps_create {mhz bits} {
  cell ps zynq_ultra_ps_e
  apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} \
    [get_bd_cells ps]
  set_property -dict [list \
    CONFIG.PSU__FPGA_PL0_ENABLE 1 CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $mhz \
    CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 \
    CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__SAXIGP2__DATA_WIDTH $bits \
    CONFIG.PSU__USE__S_AXI_GP3 1 CONFIG.PSU__SAXIGP3__DATA_WIDTH $bits] [get_bd_cells ps]
  set got [get_property CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ [get_bd_cells ps]]
  puts "clock: $mhz MHz asked for, $got MHz made"
}
