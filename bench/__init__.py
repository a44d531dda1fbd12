"""What is measured: quality and cost on sets of graphs, growth with size, and the speed of reading."""
