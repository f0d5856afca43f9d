"""The methods of "Emotion Recognition from Speech Using Transfer Learning", as baselines."""
