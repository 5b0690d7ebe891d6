"""What files say: contents → findings. One room for each kind of finding."""
