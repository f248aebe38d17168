"""Native kernels of the operators in domain `spotter`: C++ for the CPU, CUDA for the GPU. See docs/operators.md."""
