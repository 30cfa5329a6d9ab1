"""How well 'which device suits this kernel?' is answered for kernels that were measured on a CPU and a GPU."""
